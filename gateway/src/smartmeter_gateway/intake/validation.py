"""Checks the topic and the payload of each message; what is wrong is refused."""

import re
from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import Meta
from smartmeter.reading import RATIO_MAX
from smartmeter.texts import is_code
from smartmeter.wire import topics
from smartmeter.wire.values import TEXT_MAX, UNIT_MAX
from smartmeter_service.json_depth import LEVELS_MAX, is_too_deep

PAYLOAD_MAX = 65536  # bytes of a reading from the LAN
TELEGRAM_MAX = 4096  # bytes of a raw or encrypted telegram; the longest known has 2 kB
STATUS_MAX = 16384  # bytes of an adapter's status
_VALUES_MAX = 256  # of one reading, as in the core; the longest list known has about 60

# Kinds of refusals, as they are counted.
TOPIC = "topic"
EMPTY = "empty"
SIZE = "size"
JSON = "json"
CONTENT = "content"
METERS = "meters"
VALUES = "values"

NONE_WANTED = "a reading without any of the values to publish; name some in values of the meter"
SETTINGS = "settings"
COST = "cost"
RATE = "rate"


class Refused(ValueError):
    """A message may not enter. kind: one of this module's constants; detail: one sentence.

    field: of a reading, if one alone is wrong.
    """

    def __init__(self, kind: str, detail: str, field: str = "") -> None:
        super().__init__(detail)
        self.kind = kind
        self.detail = detail
        self.field = field


_CODE = r"^(\d{1,3}-\d{1,3}:)?\d{1,3}\.\d{1,3}\.\d{1,3}$"
Unit = Annotated[str, Meta(max_length=UNIT_MAX)]
Text = Annotated[str, Meta(max_length=TEXT_MAX)]


class CheckedReading(msgspec.Struct):
    """A reading after its check. The bytes as they came are what is passed on.

    The descriptions say what a field must be: in a refusal, and in docs/messages.md.
    """

    time: Annotated[
        datetime,
        Meta(
            tz=True,
            description="an RFC 3339 time with seconds and offset, "
            "such as 2026-11-22T21:10:05+01:00",
        ),
    ]
    clock: Annotated[
        Literal["meter", "adapter"],
        Meta(description='"meter" or "adapter": whose clock gave the time'),
    ]
    seq: Annotated[
        int,
        Meta(
            ge=0,
            le=(1 << 63) - 1,
            description="a whole number from 0 to 2^63 - 1; time and seq identify a reading",
        ),
    ]
    auth: Annotated[
        Literal["verified", "unverified", "none"],
        Meta(
            description='"verified" if the telegram\'s authentication tag was checked, '
            '"unverified" if there is one but no key for it, "none" if there is none'
        ),
    ]
    values: Annotated[
        dict[str, float],
        Meta(
            min_length=1,
            max_length=_VALUES_MAX,
            description=f"an object of 1 to {_VALUES_MAX} numbers, each by its OBIS code, "
            'such as {"1.8.0":1136784}',
            extra_json_schema={"propertyNames": {"pattern": _CODE}},
        ),
    ]
    medium: Annotated[
        Literal["electricity", "gas", "water", "heat", "cooling"] | None,
        Meta(
            description='"electricity", "gas", "water", "heat" or "cooling", '
            "or missing for a main meter of electricity"
        ),
    ] = None
    units: Annotated[
        Annotated[dict[str, Unit], Meta(max_length=_VALUES_MAX)] | None,
        Meta(
            description=f"an object of texts of at most {UNIT_MAX} characters, by OBIS code: "
            "the units of values that are not electricity"
        ),
    ] = None
    texts: Annotated[
        dict[str, Text] | None,
        Meta(
            description=f"an object of texts of at most {TEXT_MAX} characters, each by its "
            'OBIS code, such as {"96.13.0":"a message"}',
        ),
    ] = None
    ratio: Annotated[
        int,
        Meta(
            ge=1,
            le=RATIO_MAX,
            description=f"a whole number from 1 to {RATIO_MAX}: of transformers, by which powers, "
            "energies and currents were multiplied",
        ),
    ] = 1


_reading = msgspec.json.Decoder(CheckedReading)
_schema = msgspec.json.schema(CheckedReading)["$defs"][CheckedReading.__name__]
# What each field must be, in words.
FORM: dict[str, str] = {name: field["description"] for name, field in _schema["properties"].items()}
_FIELD = re.compile(r"required field `(\w+)`| - at `\$\.(\w+)")
_SPECIFICS = frozenset((topics.READING, topics.STATUS, topics.RAW, topics.CIPHERED))
# Group C of the sum of import and export with its sign, in all and per phase: those totals may
# be below zero (IEC 62056-61, table 7).
_NET = ("16", "36", "56", "76")
_document = msgspec.json.Decoder(dict[str, object])
# Checked before: the check costs more than all else. Bounded in number and length.
_known_codes: set[str] = set()
_known_topics: dict[str, tuple[str, str]] = {}
_KNOWN_MAX = 20_000


def address(topic: str) -> tuple[str, str]:
    """(meter, specific) of an adapter's topic."""
    known = _known_topics.get(topic)
    if known is not None:
        return known
    try:
        meter, specific = topics.parse_meter(topic)
    except ValueError as why:
        raise Refused(TOPIC, str(why)) from None
    if len(_known_topics) < _KNOWN_MAX:
        _known_topics[topic] = meter, specific
    return meter, specific


def check_specific(specific: str) -> None:
    """Raises Refused for the last level of a topic on which no adapter publishes."""
    if specific in (topics.STATE, topics.READINGS):
        raise Refused(
            TOPIC, f"{specific} is only the Concentrator's own topic; adapters publish reading"
        )
    if specific not in _SPECIFICS:
        names = ", ".join(sorted(_SPECIFICS))
        raise Refused(TOPIC, f"a topic that does not end in one of {names}")


def bounded(payload: bytes, most: int) -> None:
    """Raises Refused for a payload that is empty or has more than `most` bytes."""
    if not payload:
        raise Refused(EMPTY, "a message without payload")
    if len(payload) > most:
        raise Refused(SIZE, f"a message of {len(payload)} bytes; at most {most} are taken")


def reading(payload: bytes) -> CheckedReading:
    """Decode and check a reading. Raises Refused."""
    try:
        values = _reading.decode(payload)
        if not payload.isascii():
            payload.decode("utf-8")
    except msgspec.ValidationError as why:
        raise _unlike_a_reading(str(why)) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Refused(JSON, "a reading that is not one JSON object in UTF-8") from None
    if is_too_deep(payload):  # in a field that is passed on and not read here
        raise Refused(JSON, f"a reading with more than {LEVELS_MAX} levels of objects and arrays")
    if not _known_codes.issuperset(values.values):
        for code in values.values:
            if not is_code(code):
                raise Refused(
                    CONTENT, "not a reading: a value's name must be an OBIS code", "values"
                )
        if len(_known_codes) < _KNOWN_MAX:
            _known_codes.update(values.values)
    if values.texts and not all(map(is_code, values.texts)):
        raise Refused(CONTENT, "not a reading: a text's name must be an OBIS code", "texts")
    if min(values.values.values()) < 0:
        _check_totals(values.values)
    return values


def _check_totals(values: dict[str, float]) -> None:
    """A register of energy only grows, from 0."""
    for code, value in values.items():
        if value < 0 and code.split(".")[1] == "8":
            c = code.split(".")[0].rpartition(":")[2]
            if c not in _NET:
                raise Refused(CONTENT, f"not a reading: the total {code} is below 0", "values")


def status(payload: bytes) -> dict[str, object] | None:
    """Decode an adapter's status, a JSON object; None if it is empty, which withdraws it."""
    if len(payload) > STATUS_MAX:
        raise Refused(SIZE, f"a status of {len(payload)} bytes; at most {STATUS_MAX} are taken")
    try:
        if not payload:
            return None
        payload.decode("utf-8")
        if is_too_deep(payload):
            raise Refused(
                JSON, f"a status with more than {LEVELS_MAX} levels of objects and arrays"
            )
        return _document.decode(payload)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise Refused(JSON, "a status that is not one JSON object in UTF-8") from None


def _unlike_a_reading(why: str) -> Refused:
    """why: msgspec's sentence. Nothing of the message itself is in ours."""
    found = _FIELD.search(why)
    if found is None:
        return Refused(CONTENT, "not a reading: it must be one JSON object")
    missing, wrong = found.groups()
    field = missing or wrong
    lack = "is missing; it must be" if missing else "must be"
    return Refused(CONTENT, f"not a reading: {field} {lack} {FORM[field]}", field)
