"""What may enter: a topic of the grammar, a payload that a store can take. The rest is refused."""

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from smartmeter.texts import is_code
from smartmeter.wire import topics

PAYLOAD_MAX = 65536  # bytes of one message from the LAN; the longest telegram known has 2 kB
_STATUS_MAX = 16384  # bytes of an adapter's status
_VALUES_MAX = 256  # of one reading, as in the core; the longest list known has about 60

# Why something was refused, for the counters.
TOPIC = "topic"
EMPTY = "empty"
SIZE = "size"
JSON = "json"
CONTENT = "content"
METERS = "meters"


class Refused(ValueError):
    """kind is one of this module's constants, detail one sentence."""

    def __init__(self, kind: str, detail: str) -> None:
        super().__init__(detail)
        self.kind = kind
        self.detail = detail


class Values(msgspec.Struct):
    """A reading as this process looks at it; what is handed on are the bytes as they came."""

    time: Annotated[datetime, msgspec.Meta(tz=True)]
    clock: Literal["meter", "adapter"]
    seq: Annotated[int, msgspec.Meta(ge=0, le=(1 << 63) - 1)]
    auth: Literal["verified", "unverified", "none"]
    values: Annotated[dict[str, float], msgspec.Meta(min_length=1, max_length=_VALUES_MAX)]


_reading = msgspec.json.Decoder(Values)
_document = msgspec.json.Decoder(dict[str, object])
# Those checked before, since checking costs more than the rest; bounded in number and length.
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


def bounded(payload: bytes) -> None:
    """Refuses what is empty or too long."""
    if not payload:
        raise Refused(EMPTY, "a message without payload")
    if len(payload) > PAYLOAD_MAX:
        raise Refused(SIZE, f"a message of {len(payload)} bytes; at most {PAYLOAD_MAX} are taken")


def reading(payload: bytes) -> Values:
    """What a reading says."""
    try:
        values = _reading.decode(payload)
        if not payload.isascii():
            payload.decode("utf-8")
    except msgspec.ValidationError as why:
        raise Refused(CONTENT, f"not a reading: {_plain(why)}") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Refused(JSON, "a reading that is not one JSON object in UTF-8") from None
    if not _known_codes.issuperset(values.values):
        for code in values.values:
            if not is_code(code):
                raise Refused(CONTENT, "not a reading: a value's name must be an OBIS code")
        if len(_known_codes) < _KNOWN_MAX:
            _known_codes.update(values.values)
    return values


def status(payload: bytes) -> dict[str, object] | None:
    """An adapter's status, a JSON object; None for an empty one, which takes back what was."""
    if len(payload) > _STATUS_MAX:
        raise Refused(SIZE, f"a status of {len(payload)} bytes; at most {_STATUS_MAX} are taken")
    try:
        if not payload:
            return None
        payload.decode("utf-8")
        return _document.decode(payload)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise Refused(JSON, "a status that is not one JSON object in UTF-8") from None


def _plain(why: msgspec.ValidationError) -> str:
    """The library's sentence without what the wire said in it."""
    return str(why).split(", got ")[0].split(" - at ")[0].replace("`", "").lower()
