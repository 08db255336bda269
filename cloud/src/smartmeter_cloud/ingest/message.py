"""What a Concentrator may send, held to its form; the rest is refused with one sentence."""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from re import compile as pattern
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta
from msgspec.structs import astuple
from smartmeter.reading import RATIO_MAX
from smartmeter.wire import receipt, refusal, topics
from smartmeter.wire.values import TEXT_MAX, UNIT_MAX, by_key
from smartmeter_service.json_depth import LEVELS_MAX, is_too_deep

from smartmeter_cloud.monitoring.observations import Box
from smartmeter_cloud.store.batch import Batch, Sender, Unstorable
from smartmeter_cloud.store.rows import CODES, COLUMNS, NUL, DeadLetter, Medium, ReadingRow

PAYLOAD_MAX = 1024 * 1024
STATUS_MAX = 256 * 1024  # of a Concentrator: one of a thousand meters names each
ADAPTER_STATUS_MAX = 16 * 1024  # of an adapter, as on the LAN
TOPIC_KEPT = 256  # of a topic in a dead letter
NUMBER_MAX = 1e15  # 15 digits: exact in a float64, and beyond any meter's total
VALUES_MAX = 256  # as the core's

# A meter whose clock is further off than this is stored and flagged (see ReadingRow).
AHEAD_MAX_MS = 86_400_000
BEHIND_MAX_MS = 400 * 86_400_000  # a Concentrator's backlog may be long, but not that long

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST_MS, _LAST_MS = 86_400_000, 7_258_032_000_000
_RANGE = "1970-01-02 to 2199-12-31 (UTC)"
_MS, _MINUTE = timedelta(milliseconds=1), timedelta(minutes=1)
TOPICS_KNOWN = 65_536  # of which it is remembered what they mean
_GROUP = "(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
OBIS_CODE = pattern(rf"({_GROUP}-{_GROUP}:)?{_GROUP}\.{_GROUP}\.{_GROUP}\Z")  # IEC 62056-61

Number = (
    Annotated[int, Meta(gt=-int(NUMBER_MAX), lt=int(NUMBER_MAX))]
    | Annotated[float, Meta(gt=-NUMBER_MAX, lt=NUMBER_MAX)]
)


Unit = Annotated[str, Meta(max_length=UNIT_MAX)]
Text = Annotated[str, Meta(max_length=TEXT_MAX)]


class _Form(msgspec.Struct, gc=False):
    """The wire form of DESIGN.md but for its values; names it does not have are passed over."""

    time: Annotated[datetime, Meta(tz=True)]
    clock: Literal["meter", "adapter"]
    seq: Annotated[int, Meta(ge=0, le=2**63 - 1)]
    auth: Literal["verified", "unverified", "none"]
    ratio: Annotated[int, Meta(ge=1, le=RATIO_MAX)] = 1
    texts: Annotated[dict[str, Text], Meta(max_length=VALUES_MAX)] | None = None
    medium: Literal["electricity", "gas", "water", "heat", "cooling"] | None = None
    units: Annotated[dict[str, Unit], Meta(max_length=VALUES_MAX)] | None = None


class Reading(_Form, gc=False, kw_only=True):
    values: Annotated[dict[str, Number], Meta(min_length=1, max_length=VALUES_MAX)]


# Most readings only have the default codes. These are decoded in half the time without a
# dictionary. All others are left to the form above.
_Usual = msgspec.defstruct(
    "_Usual",
    [
        (
            "values",
            msgspec.defstruct(
                "_Values",
                [(column, Number, None) for column in COLUMNS],
                rename=dict(zip(COLUMNS, CODES, strict=True)),
                forbid_unknown_fields=True,
                gc=False,
            ),
        )
    ],
    bases=(_Form,),
    gc=False,
    kw_only=True,
)

_decode_reading = msgspec.json.Decoder(Reading).decode
_decode_usual = msgspec.json.Decoder(_Usual).decode
_decode_readings = msgspec.json.Decoder(list[Reading]).decode
_decode_all_usual = msgspec.json.Decoder(list[_Usual]).decode  # type: ignore[valid-type]
_decode_apart = msgspec.json.Decoder(list[msgspec.Raw]).decode
_decode_status = msgspec.json.Decoder(dict[str, object]).decode


class Refused(ValueError):
    """Why a message is not stored, as one sentence."""


class MessageBatch(Batch):
    """A batch that takes messages as the broker delivers them."""

    def add(self, topic: str, payload: bytes, received: int, retained: bool = False) -> None:
        """Takes one message; received in ms since 1970. Never raises: what is wrong is kept."""
        try:
            meter, specific, sender = _parsed(topic)
        except ValueError as e:
            # Nobody can be answered. Concentrators do not send such a thing.
            reason = f"the topic is none of a Concentrator's: {e}"
            self._bury(("", ""), b"", topic, payload, received, reason)
            return
        concentrator = sender[1]
        digest = receipt.digest(topic, payload)
        self.messages.append((sender, digest))
        try:
            if meter is None:
                self._status(
                    "concentrator", concentrator, concentrator, payload, received, retained
                )
            elif specific == topics.READING:
                self._reading(sender, payload, received)
            elif specific == topics.READINGS:
                self._readings(sender, digest, topic, payload, received)
            elif specific == topics.STATUS:
                self._status("adapter", meter, concentrator, payload, received, retained)
            elif specific == topics.STATE:
                # For consumers on the LAN, whose broker may be ours. Nobody waits for an answer.
                self.ignored += 1
                self.messages.pop()
            elif specific in (topics.RAW, topics.CIPHERED):
                # For those who subscribe to the broker themselves. A receipt would be untrue.
                self.ignored += 1
                self.messages.pop()
                reason = f"{specific} telegrams are not stored: decode them, and send readings"
                self._note_refused(concentrator, digest, reason, refusal.MESSAGE)
            else:
                raise Refused(f"nothing is known of a topic that ends in {specific}")
        except Refused as e:
            self._bury(sender, digest, topic, payload, received, str(e))

    def _reading(self, sender: Sender, payload: bytes, received: int) -> None:
        _check_size(payload, PAYLOAD_MAX)
        reading: Any
        try:
            reading = _decode_usual(payload)
            made = _usual_row(reading, received)
        except (msgspec.MsgspecError, ValueError, RecursionError):
            try:
                reading = _decode_reading(payload)
            except (msgspec.MsgspecError, ValueError, RecursionError) as e:
                raise Refused(_sentence("not a reading", e)) from None
            made = _row_of(reading, received)
        if reading.medium:
            self._note_medium(sender, reading)
        known = self.readings.get(sender)
        if known is None:
            self.readings[sender] = [made]
        else:
            known.append(made)

    def _readings(
        self, sender: Sender, message: bytes, topic: str, payload: bytes, received: int
    ) -> None:
        _check_size(payload, PAYLOAD_MAX)
        for decode, row_of in ((_decode_all_usual, _usual_row), (_decode_readings, _row_of)):
            try:
                readings = decode(payload)
                rows = [row_of(r, received) for r in readings]
            except (msgspec.MsgspecError, ValueError, RecursionError):
                continue
            if rows:
                self.readings.setdefault(sender, []).extend(rows)
            for reading in readings:
                if reading.medium:
                    self._note_medium(sender, reading)
            return
        try:
            parts = _decode_apart(payload)
        except (msgspec.MsgspecError, ValueError, RecursionError) as e:
            raise Refused(_sentence("not an array of readings", e)) from None
        for part in parts:  # one that is bad does not take the others with it
            try:
                self._reading(sender, bytes(part), received)
            except Refused as e:
                self._bury(sender, message, topic, bytes(part), received, str(e))

    def _note_medium(self, sender: Sender, reading: Any) -> None:
        known = self.media.get(sender[0])
        codes = reading.values if isinstance(reading, Reading) else CODES
        named = (reading.units or {}).items()
        units = by_key({code: unit for code, unit in named if code in codes})
        self.media[sender[0]] = Medium(reading.medium, {**known.units, **units} if known else units)

    def _status(
        self,
        kind: str,
        name: str,
        concentrator: str,
        payload: bytes,
        received: int,
        retained: bool,
    ) -> None:
        _check_size(payload, ADAPTER_STATUS_MAX if kind == "adapter" else STATUS_MAX)
        if not payload:  # a retained message is deleted by an empty one (MQTT 5.0, 3.3.1.3)
            self.boxes.append(Box(kind, name, concentrator, None, received, retained))
            return
        if is_too_deep(payload):
            raise Refused(f"not a status: more than {LEVELS_MAX} levels of objects and arrays")
        try:
            _decode_status(payload)
            text = payload.decode()
        except (msgspec.MsgspecError, ValueError, RecursionError) as e:
            raise Refused(_sentence("not a status", e)) from None
        self.boxes.append(Box(kind, name, concentrator, text, received, retained))

    def _bury(
        self,
        sender: Sender,
        message: bytes,
        topic: str,
        payload: bytes,
        received: int,
        reason: str,
    ) -> None:
        """message: the digest of the message that the payload came in."""
        letter = DeadLetter(
            receipt.digest(topic, payload),
            received,
            _plain(topic[:TOPIC_KEPT]),
            _plain(reason[:300]),
            len(payload),
            payload,
            sender[1],
        )
        self.unstorable.append(Unstorable(letter, sender, message))


@lru_cache(TOPICS_KNOWN)
def _parsed(topic: str) -> tuple[str | None, str, Sender]:
    """Meter, specific topic and sender. Raises ValueError."""
    concentrator, meter, specific = topics.parse_uplink(topic)
    return meter, specific, (meter or "", concentrator)


def _usual_row(reading: Any, received: int) -> ReadingRow:
    numbers = astuple(reading.values)
    if numbers.count(None) == len(numbers):
        raise Refused("there is no value")
    return _row(reading, received, None, numbers)


def _row_of(reading: Reading, received: int) -> ReadingRow:
    values = reading.values
    extra = None
    further = {code: number for code, number in values.items() if code not in CODES}
    if further:
        if not all(map(OBIS_CODE.match, further)):
            raise Refused("a value's name is not an OBIS code such as 1.8.0")
        values = by_key(values)
        further = {code: number for code, number in values.items() if code not in CODES}
    if further:
        extra = msgspec.json.encode(further).decode()
    return _row(reading, received, extra, tuple(map(values.get, CODES)))


def _row(
    reading: _Form, received: int, extra: str | None, numbers: tuple[float | None, ...]
) -> ReadingRow:
    """The reading as the stores take it; Refused where its time cannot be."""
    time = reading.time
    at = (time - _EPOCH) // _MS
    if not _FIRST_MS <= at < _LAST_MS:
        raise Refused(f"the time {time.isoformat()} is outside the range {_RANGE}")
    offset = time.utcoffset()
    further: tuple[str | int | None, ...] = ()
    if reading.texts or reading.ratio != 1:
        texts = _texts(reading.texts) if reading.texts else None
        further = (texts, None if reading.ratio == 1 else reading.ratio)
    return (
        at,
        reading.seq,
        received,
        offset // _MINUTE if offset else 0,
        reading.clock,
        reading.auth,
        0 if -AHEAD_MAX_MS <= received - at <= BEHIND_MAX_MS else 1,
        extra,
        *numbers,
        *further,
    )


def _texts(texts: dict[str, str]) -> str:
    if not all(map(OBIS_CODE.match, texts)):
        raise Refused("a text's name is not an OBIS code such as 96.13.0")
    plain = {code: _plain(text) for code, text in by_key(texts).items()}
    return msgspec.json.encode(plain).decode()


def _check_size(payload: bytes, limit: int) -> None:
    if len(payload) > limit:
        raise Refused(f"a message of {len(payload)} bytes; {limit} are allowed")


def _plain(text: str) -> str:
    return text.replace("\0", NUL)


def _sentence(what: str, error: Exception) -> str:
    if isinstance(error, RecursionError):
        return f"{what}: it is nested too deeply"
    return f"{what}: {error}"
