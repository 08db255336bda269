"""Checks the topic and the payload of each message; what is wrong is refused."""

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from smartmeter.texts import is_code
from smartmeter.wire import topics
from smartmeter.wire.reading_decoder import UNIT_MAX
from smartmeter_service.json_depth import LEVELS_MAX, is_too_deep

PAYLOAD_MAX = 65536  # bytes of a reading from the LAN
TELEGRAM_MAX = 4096  # bytes of a raw or encrypted telegram; the longest known has 2 kB
_STATUS_MAX = 16384  # bytes of an adapter's status
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
    """A message may not enter. kind: one of this module's constants; detail: one sentence."""

    def __init__(self, kind: str, detail: str) -> None:
        super().__init__(detail)
        self.kind = kind
        self.detail = detail


Unit = Annotated[str, msgspec.Meta(max_length=UNIT_MAX)]


class CheckedReading(msgspec.Struct):
    """A reading after its check. The bytes as they came are what is passed on."""

    time: Annotated[datetime, msgspec.Meta(tz=True)]
    clock: Literal["meter", "adapter"]
    seq: Annotated[int, msgspec.Meta(ge=0, le=(1 << 63) - 1)]
    auth: Literal["verified", "unverified", "none"]
    values: Annotated[dict[str, float], msgspec.Meta(min_length=1, max_length=_VALUES_MAX)]
    medium: Literal["electricity", "gas", "water", "heat", "cooling"] | None = None
    units: Annotated[dict[str, Unit], msgspec.Meta(max_length=_VALUES_MAX)] | None = None


_reading = msgspec.json.Decoder(CheckedReading)
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
    if specific not in (topics.READING, topics.STATUS, topics.RAW, topics.CIPHERED):
        raise Refused(TOPIC, "not a topic that adapters publish on")
    if len(_known_topics) < _KNOWN_MAX:
        _known_topics[topic] = meter, specific
    return meter, specific


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
        raise Refused(CONTENT, f"not a reading: {_plain(why)}") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Refused(JSON, "a reading that is not one JSON object in UTF-8") from None
    if is_too_deep(payload):  # in a field that is passed on and not read here
        raise Refused(JSON, f"a reading with more than {LEVELS_MAX} levels of objects and arrays")
    if not _known_codes.issuperset(values.values):
        for code in values.values:
            if not is_code(code):
                raise Refused(CONTENT, "not a reading: a value's name must be an OBIS code")
        if len(_known_codes) < _KNOWN_MAX:
            _known_codes.update(values.values)
    return values


def status(payload: bytes) -> dict[str, object] | None:
    """Decode an adapter's status, a JSON object; None if it is empty, which withdraws it."""
    if len(payload) > _STATUS_MAX:
        raise Refused(SIZE, f"a status of {len(payload)} bytes; at most {_STATUS_MAX} are taken")
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


def _plain(why: msgspec.ValidationError) -> str:
    """msgspec's sentence without anything of the message itself."""
    return str(why).split(", got ")[0].split(" - at ")[0].replace("`", "").lower()
