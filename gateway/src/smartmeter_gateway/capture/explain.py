"""`decode --explain`: shows a capture layer by layer; `--redact`: without identifying numbers."""

from collections import Counter
from collections.abc import Iterator

from smartmeter import Fault, Reading
from smartmeter.reading import ELECTRICITY, decimal

from . import advice, redaction, text_advice, trials
from .capture_text import PASTED, Capture
from .encrypted_head import Head
from .obis_names import name_of
from .trials import Asked

_LINKS = {
    "mbus": "M-Bus frames (EN 13757-2), their sums right",
    "hdlc": "HDLC frames of type 3 (IEC 62056-46), their check sequences right",
    "sml": "SML transport (BSI TR-03109-1), its CRC right",
    "p1": "P1 telegram (DSMR and kin)",
    "iec62056": "readout of IEC 62056-21",
    "tic": "TIC frame of France's meters, the checks of its groups right",
    "wrapper": "DLMS wrapper of TCP (IEC 62056-47), which has no checksum",
    "kmp": "KMP frame of Kamstrup's heat meters, its CRC right",
    "apdu": "none: the telegram came without framing",
}
_LAYOUTS = {
    "a": "code, value, scale and unit in a structure each",
    "b": "code, value, scale and unit in a row",
    "c": "code and value in a row; the scales come from the meter's profile",
    "d": "descriptors, then the values in their order; scales from the meter's profile",
    "e": "values by position, without codes; meaning and scales from the meter's profile",
    "f": "class, code and attribute untagged before each value; scales from the profile",
    "g": "rows of code, value and others in a detected order",
}
_CONTENT = {
    "data-notification": "DLMS data-notification",
    "list": "DLMS list of values without its data-notification",
    "GetListResponse": "SML GetListResponse",
    "data lines": "data lines of text, code(value*unit)",
    "labels": "groups of label and value (Enedis-NOI-CPT_54E)",
    "records": "M-Bus data records (EN 13757-3)",
    "registers": "registers of Kamstrup's heat meters (KMP)",
    "AES-CBC": "AES-128 in CBC mode (mode 5 of EN 13757-3): no tag, no counter",
}
_AUTH = {
    "verified": "verified: the tag matches, so nobody changed the telegram",
    "unverified": "not verified: the telegram has a tag, and no authentication key was given",
}
_CLOSED = ("key", "tag", "cipher", "replay")  # faults of telegrams that stay closed
_TRIAL_BYTES = 65536  # of the capture's begin, kept for trials
_MOST = 60  # lines of telegrams that are like one shown; the rest is counted
_HEX_LINE = 32


def run(capture: Capture, asked: Asked, redact: bool) -> int:
    """Print the explanation; 0 if there was at least one reading and no fault."""
    report = _Report(asked, redact)
    for line in report.lines(capture):
        print(line)
    return 0 if report.readings and not report.faults else 1


class _Report:
    def __init__(self, asked: Asked, redact: bool) -> None:
        self._asked = asked
        self._redact = redact
        self._receiver = asked.receiver()
        self._begin = b""
        self._form = ""
        self._shapes: dict[tuple[object, ...], int] = {}
        self._alike = 0
        self._first: dict[tuple[str, str], Fault] = {}
        self.readings = 0
        self.faults: Counter[tuple[str, str]] = Counter()

    def lines(self, capture: Capture) -> Iterator[str]:
        self._form = capture.form
        for piece in capture:
            if len(self._begin) < _TRIAL_BYTES:
                self._begin += piece[: _TRIAL_BYTES - len(self._begin)]
            for event in self._receiver.feed(piece):
                yield from self._event(event)
        for event in self._receiver.flush():
            yield from self._event(event)
        if self._alike > _MOST:
            yield f"... and {self._alike - _MOST} more that are like one shown."
        for fault in self._first.values():
            yield from self._fault(fault)
        yield from self._summary(capture)

    def _event(self, event: Reading | Fault) -> Iterator[str]:
        if isinstance(event, Fault):
            sort = (event.kind, event.detail)
            # noise and replays contain numbers; one of a kind is enough of them
            if event.kind in ("noise", "replay"):
                sort = (event.kind, "")
            self.faults[sort] += 1
            if len(self._first) < _MOST:
                self._first.setdefault(sort, event)
            return
        if event.channel:  # shown with the main meter's
            return
        self.readings += 1
        shape = (event.layers, tuple(event.codes.values()))
        like = self._shapes.get(shape)
        if like is not None:
            self._alike += 1
            if self._alike <= _MOST:
                yield f"Telegram {self.readings}: like {like}; {_when(event)}"
            return
        if len(self._shapes) < _MOST:
            self._shapes[shape] = self.readings
        yield from self._reading(event)

    def _reading(self, reading: Reading) -> Iterator[str]:
        yield f"Telegram {self.readings}: a reading of {_counted(len(reading.values), 'value')}"
        for name, said in self._layers(reading):
            yield f"  {name:<11}{said}"
        yield f"  {'time':<11}{_time(reading)}"
        yield from self._values(reading)
        yield from self._submeters(reading)
        if self._redact:
            yield from self._bytes(reading)
        yield ""

    def _layers(self, reading: Reading) -> Iterator[tuple[str, str]]:
        for layer in reading.layers:
            if layer in _LINKS:
                yield "link", _LINKS[layer]
            elif layer.startswith("general ciphering"):
                yield from self._ciphering(reading, int(layer[-2:], 16))
            elif layer == "AES-CBC":
                yield "ciphering", _CONTENT[layer]
            elif layer.startswith("layout "):
                yield "layout", _LAYOUTS[layer[-1]]
            else:
                yield "content", _CONTENT[layer]
        yield "meter", self._identity(reading) or "not in the telegram"
        if reading.medium != ELECTRICITY:
            yield "medium", reading.medium

    def _identity(self, reading: Reading) -> str:
        return redaction.identity(reading.meter) if self._redact else reading.meter

    def _submeters(self, reading: Reading) -> Iterator[str]:
        if reading.submeters:
            yield "  sub-meters"
        for submeter in reading.submeters or ():
            meter = self._identity(submeter) or "without a number"
            when = f", of {submeter.time}" if submeter.time else ""
            codes = ", ".join(submeter.codes.values())
            yield f"    channel {submeter.channel}: {submeter.medium}, {meter}{when}: {codes}"

    def _ciphering(self, reading: Reading, control: int) -> Iterator[tuple[str, str]]:
        yield "ciphering", f"AES-128-GCM, {_control(control)}"
        titles = [t for t, count in self._receiver.counters.items() if count == reading.counter]
        if titles:
            yield "", f"system title {self._title(titles[0])}"
        if reading.counter is None:
            yield "", "no system title and no growing counter: replays cannot be detected"
        else:
            yield "", f"invocation counter {reading.counter}"
        if reading.auth in _AUTH:
            yield "", _AUTH[reading.auth]

    def _title(self, title: bytes) -> str:
        if self._redact:
            return redaction.system_title(title)
        return f"{title[:3].decode('ascii', 'replace')} {title[3:].hex().upper()}"

    def _values(self, reading: Reading) -> Iterator[str]:
        yield "  values"
        rows = [
            (code, self._number(code, decimal(reading.values[key])), reading.units[key])
            for key, code in reading.codes.items()
        ]
        wide = max(len(number) for _, number, _ in rows)
        for code, number, unit in rows:
            yield f"    {code:<15}{number:>{wide}} {unit:<5}{name_of(code)}".rstrip()
        if reading.texts:
            yield "  texts"
        for code, text in reading.texts.items():
            shown = redaction.identity(text) if self._redact else text
            yield f"    {code:<15}{_printable(shown)}  {name_of(_plain(code))}".rstrip()

    def _number(self, code: str, number: str) -> str:
        return redaction.blank_number(code, number) if self._redact else number

    def _bytes(self, reading: Reading) -> Iterator[str]:
        yield "  the telegram decrypted, its numbers blanked: decode reads these lines"
        yield from _hex(redaction.redacted(reading))

    def _fault(self, fault: Fault) -> Iterator[str]:
        sort = (fault.kind, fault.detail)
        count = self.faults[sort] or self.faults[(fault.kind, "")]
        times = f", {count} times" if count > 1 else ""
        yield f"Fault: {fault.kind}{times}: {fault.detail}"
        if fault.payload:
            yield from self._refused(fault.kind, fault.payload)
        yield "  what to try:"
        for sentence in self._advice(fault):
            yield f"  - {sentence}"
        yield ""

    def _advice(self, fault: Fault) -> list[str]:
        found = text_advice.of(fault, self._begin) if self._form == PASTED else []
        return found or advice.of(
            fault, bool(self._asked.key), bool(self._asked.auth_key), bool(self.readings)
        )

    def _refused(self, kind: str, payload: bytes) -> Iterator[str]:
        """The readable part of a refused telegram, and its bytes if they are decrypted."""
        head = Head.of(payload)
        if head:
            what = _control(head.control) if head.control is not None else _CONTENT["AES-CBC"]
            yield f"  {'ciphering':<11}{what}"
            if head.title:
                yield f"  {'':<11}system title {self._title(head.title)}"
            if head.counter is not None:
                yield f"  {'':<11}invocation counter {head.counter}"
            yield f"  {'':<11}{_counted(head.size, 'byte')} of content"
        if not self._redact:
            return
        if kind in _CLOSED:
            yield "  the telegram is left out: it could not be opened"
        else:
            yield "  the telegram decrypted, its numbers blanked"
            yield from _hex(redaction.redacted_payload(payload, self._asked.key))

    def _summary(self, capture: Capture) -> Iterator[str]:
        left = [
            f"{_counted(count, 'line')} {what}"
            for count, what in (
                (capture.lines_without, "without bytes left out"),
                (capture.sent, "of bytes sent to the meter left out"),
            )
            if count
        ]
        yield f"Read {_counted(capture.bytes, 'byte')} ({'; '.join([capture.form, *left])})."
        kinds: Counter[str] = Counter()
        for (kind, _), count in self.faults.items():
            kinds[kind] += count
        counts = ", ".join(f"{kind} {count}" for kind, count in kinds.items())
        said = [_counted(self.readings, "reading"), _counted(sum(kinds.values()), "fault")]
        yield ", ".join(said) + (f" ({counts})." if counts else ".")
        if self.readings:
            return
        for sentence in advice.of_nothing(self._begin, capture.bytes):
            yield f"- {sentence}"
        for sentence in trials.found(self._begin, self._asked):
            yield f"- Tried: {sentence}"


def _hex(data: bytes | None) -> Iterator[str]:
    if data is None:
        yield "    not shown, because it may still contain a number of the meter"
        return
    for at in range(0, len(data), _HEX_LINE):
        yield f"    {data[at : at + _HEX_LINE].hex()}"


def _counted(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def _control(control: int) -> str:
    what = {
        0x10: "authenticated, not encrypted",
        0x20: "encrypted, no tag",
        0x30: "encrypted, with a tag",
    }
    protection = what.get(control & 0x30, "unencrypted")
    return f"security control {control:02X}: {protection}, suite {control & 0x0F}"


def _time(reading: Reading) -> str:
    if reading.time:
        return f"{reading.time}, by the meter's clock"
    return "none that is certain: the adapter adds its own time to such readings"


def _when(reading: Reading) -> str:
    counter = "" if reading.counter is None else f", counter {reading.counter}"
    return f"{reading.time or 'no time'}{counter}"


def _plain(code: str) -> str:
    """A code of a text in the form of name_of: meters leave out A and B, or add *255."""
    code = code.partition("*")[0]
    return code if ":" in code else f"0-0:{code}"


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() else "." for c in text)
