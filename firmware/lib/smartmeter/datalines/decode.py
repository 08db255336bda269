"""Data lines of P1 and IEC 62056-21 to a Reading: "code(value*unit)", one or more to a line.

    1-0:1.8.0(001234.567*kWh)            P1; some write 1-0:1.8.0*255 or 1-0:72:32.0
    32.7(238.3*V)14.7(49.96*Hz)          IEC 62056-21: A, B and a last group of 0 left out
    0-1:24.2.1(161204160000W)(00001.001*m3)    the value of another meter, and of when
    0-1:24.3.0(120517020000)(08)(60)(1)(0-1:24.2.1)(m3)     the same in DSMR 2 and 3,
    (00124.477)                                             over two lines, or on one

A code with a group F other than 255 (after "*" or "&") is a stored value and not part of this
reading; only *00 is a present one. A value without a unit counts if its code names an electrical
quantity. It is in kW, kWh ... if it has a decimal point, as on a display. A power or energy without
unit and point could be anything, and is left out.
"""

from binascii import unhexlify
from sys import implementation

from ..checks.crc import arc
from ..checks.plausible import check
from ..fault import CHECKSUM, LAYOUT, LENGTH, Rejected
from ..obis import complete, put, unit_of
from ..reading import Reading
from ..texts import is_code, parse_decimal
from .clock import Clock
from .units import BY_TEXT, number_and_unit

TYPE_CHECKING = False  # what follows is for mypy; a device has no typing
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ..checks.coherence import Coherence
    from ..context import Context

_KEEPS_PLANS = implementation.name != "micropython"  # there, walking twice is cheaper than heap
if _KEEPS_PLANS:
    from ..dlms.lists.plan_native import keep
    from .layout_native import Marks, TextPlan, shape

_LINES_MAX = 400  # the longest telegram known has 75
_DIGITS_MAX = 24  # of one number
_UNMARKED_MAX = 11  # characters of a number that its unit follows with nothing between
_KILO = ("W", "Wh", "VA", "VAh", "var", "varh")
_ELECTRICAL = ("W", "Wh", "VA", "VAh", "var", "varh", "V", "A", "Hz", "deg")

_FACTOR = "factor"  # a power factor, a count, the tariff: they have no unit

# Power failures and the tariff (0-0:96.7.21, 0-0:96.14.0); voltage sags and swells of each phase.
_COUNTS = ((96, 7), (96, 14), (32, 32), (52, 32), (72, 32), (32, 36), (52, 36), (72, 36))
# Messages, the peaks of months, long power failures: what extras.py makes texts of.
_EXTRAS = ("96.13.0", "96.13.1", "98.1.0", "99.97.0")

_SUBMETER_TYPE = "24.1.0"
_MBUS_OLD = "24.3.0"
_NEVER_READ = ("632525", "700101")  # the time of another meter that was not reached

# Whose value is the meter's id, the best first.
_IDS = ("96.1.1", "42.0.0", "96.1.0", "96.1.255", "0.0.0", "C.1.0", "C.1", "0.0.9", "0.0")
_ID_MAX = 64
_HEX_ID_MIN = 12  # an id of six characters

# Behind a code: the value since billing period 0, where there never was a reset. Apator's 12EC3
# and 20EC3 (Pafal) have no other for now.
_NEVER_RESET = "*00"

_STRAY = " \x00\x01\x02\x03\x7f\r!"  # before or behind a set, and no part of it

# What is before "(": (key, code, unit that it implies). Each is taken apart only once; on a
# device that would take 10 kB.
_names: "dict[str, tuple[str, str, str]]" = {}
_NAMES_MAX = 128 if _KEEPS_PLANS else 0
# What is behind "*" to the end of a line: its unit and power of ten.
_units: "dict[str, tuple[str, int]]" = {}
_UNITS_MAX = 32 if _KEEPS_PLANS else 0


def decode(payload: "bytes | bytearray", ctx: "Context") -> Reading:
    """The Reading of a whole text that was encrypted, with the CRC after its "!" if it has one."""
    stop = max([payload.rfind(mark) for mark in (b"\n!", b")!")]) + 1
    if not stop:
        return _decode(payload, ctx, True)
    tail = payload[stop + 1 :].strip()
    if not tail or payload[:1] != b"/":  # a sum counts from an identification that is elsewhere
        return _decode(payload[:stop], ctx, True)
    try:
        told = int(str(tail, "ascii"), 16)
    except ValueError:
        told = -1
    if told != arc(payload, 0, stop + 1):
        raise Rejected(CHECKSUM, "the CRC of the text does not agree")
    return _decode(payload[:stop], ctx, False)


def decode_checked(payload: bytes, ctx: "Context") -> Reading:
    """The Reading of a text up to its "!" whose checksum the link found right."""
    return _decode(payload, ctx, False)


def decode_unchecked(payload: bytes, ctx: "Context") -> Reading:
    """The Reading of a text up to its "!" that has but a BCC or nothing: every line must be in
    form, and the numbers go together."""
    return _decode(payload, ctx, True, True)


def _decode(
    payload: "bytes | bytearray", ctx: "Context", strict: bool, coherent: bool = False
) -> Reading:
    if not _KEEPS_PLANS:
        return _checked(_walk(payload, ctx, strict, None), ctx, coherent)[0]
    name = (shape(payload), strict, coherent)
    plan = ctx.plans.get(name)
    if plan:
        known: "Reading | None" = plan.read(payload)
        if known:
            return known
    # of a shape seen for the second time: some meters hardly send the same one twice
    marks = Marks() if plan is None and name in ctx.plans else None
    reading, derived, coherence = _checked(_walk(payload, ctx, strict, marks), ctx, coherent)
    plan = None
    if marks:
        plan = TextPlan(payload, marks, reading, derived, coherence, ctx.profile, ctx.zone)
    keep(ctx.plans, name, plan)
    return reading


def _checked(
    reading: Reading, ctx: "Context", coherent: bool
) -> "tuple[Reading, list[tuple[str, str, str, int]], Coherence | None]":
    """The reading complete and found good; what was added; what checked that it is coherent."""
    derived = complete(reading, ctx.rows, ctx.plans)
    check(reading)
    if not coherent:
        return reading, derived, None
    from ..checks.coherence import check_coherent

    return reading, derived, check_coherent(reading)


def _walk(
    payload: "bytes | bytearray", ctx: "Context", strict: bool, marks: "Marks | None"
) -> Reading:
    """The Reading, line by line; with marks, so that these are filled as well."""
    if strict:
        from .datasets import check_form

        check_form(_ascii(payload))
    line_end = "\r\n" if b"\r\n" in payload else "\n"
    reading = Reading()
    values, codes, units = reading.values, reading.codes, reading.units
    rest = _Rest(marks, ctx)
    head = ""
    start = 0
    if payload[:1] == b"/":
        start = payload.find(b"\n") + 1 or len(payload)
        head = _ascii(payload[1:start])
        rest.at = start
    lines = _lines(payload, start, line_end)
    if marks:  # whose places only the long way finds
        for line in lines:
            _sets(reading, line, rest, strict)
            rest.at += len(line) + len(line_end)
        lines = []
    known_name, known_unit = _names.get, _units.get
    for line in lines:
        name, _, tail = line.partition("(")
        known = known_name(name)
        if known:  # a code read before; the usual line is code(value*unit)
            key, code, implied = known
            number, star, unit = tail.partition("*")
            scale = known_unit(unit)
            if scale and key not in values:
                number, _, fraction = number.partition(".")
                digits = number + fraction
                if digits.isdigit() and len(digits) <= _DIGITS_MAX:
                    exponent = scale[1] - len(fraction)
                    if exponent > 0:
                        values[key] = (int(digits) * 10**exponent, 0)
                    else:
                        values[key] = (int(digits), exponent)
                    codes[key] = code
                    units[key] = scale[0]
                    continue
            elif not star and not implied and not strict:
                continue  # says nothing without a unit
        if line:
            _sets(reading, line, rest, strict)
    for name, value, place in rest.unsuffixed:
        if (_names.get(name) or _learn(name))[0] not in values and payload.count(
            (name + "*").encode()
        ) == 1:
            _valued(reading, name, value, place, rest, strict)
    if not values:
        raise Rejected(LAYOUT, "a text without a value that can be read")
    others = [code for code in reading.codes.values() if code[:2] != "1-"]
    electric = len(others) < len(values)
    reading.meter = rest.meter(electric) or head.strip()[:_ID_MAX]
    reading.time = rest.clock.rfc3339(ctx.profile, ctx.zone)
    if reading.time:
        reading.clock = "meter"
    reading.payload = payload
    reading.layers = ("data lines",)
    if others and (not electric or ctx.submeters):
        from .submeters import found, main_medium  # many meters have none

        if not electric:
            told = [code for code in others if code not in rest.vague]
            reading.medium = main_medium(told, rest.types) or reading.medium
        if ctx.submeters:
            found(reading, rest.types, rest.moments, ctx, _unhex)
    return reading


def _lines(payload: "bytes | bytearray", start: int, line_end: str) -> "Iterable[str]":
    """The lines from payload[start] on; on a device one by one, as all of them would not fit."""
    if payload.count(b"\n") > _LINES_MAX:
        raise Rejected(LENGTH, "a text of more than %d lines" % _LINES_MAX)
    opens_block = ("(" + line_end).encode() in payload
    if _KEEPS_PLANS or opens_block:
        text = _ascii(payload)[start:]
        if opens_block:
            text = _without_history(text, line_end)
        return text.split(line_end)
    return _one_by_one(payload, start, line_end.encode())


def _one_by_one(payload: "bytes | bytearray", start: int, line_end: bytes) -> "Iterator[str]":
    while start <= len(payload):
        stop = payload.find(line_end, start)
        if stop < 0:
            stop = len(payload)
        yield _ascii(payload[start:stop])
        start = stop + len(line_end)


def _without_history(text: str, line_end: str) -> str:
    """The text with spaces for the lines between brackets that span several lines.

    These are values of the last month under the present codes, after 0-0:98.1.0 (Holley DTSD545).
    """
    opening = text.find("(" + line_end)
    while opening >= 0:
        closing = text.find("\n)", opening)
        stop = closing if closing >= 0 else len(text)
        text = text[: opening + 1] + " " * (stop - opening - 1) + text[stop:]
        opening = text.find("(" + line_end, stop)
    return text


def _sets(reading: Reading, line: str, rest: "_Rest", strict: bool) -> None:
    """A line in any other form: several sets, several values to a code, no unit."""
    at = 0
    end = len(line)
    while at < end:
        opening = line.find("(", at)
        name = line[at : opening if opening >= 0 else end].strip(_STRAY)
        if opening < 0:
            if name and strict:
                raise Rejected(LAYOUT, "a data line without a value")
            return
        values = []
        places = []
        at = opening
        while at < end and line[at] == "(":
            closing = line.find(")", at)
            if closing < 0:
                if strict:
                    raise Rejected(LAYOUT, "a data line without its closing bracket")
                return
            values.append(line[at + 1 : closing])
            places.append(rest.at + at + 1)
            at = closing + 1
        _set(reading, name, values, places, rest, strict)


def _set(
    reading: Reading,
    name: str,
    values: "list[str]",
    places: "list[int]",
    rest: "_Rest",
    strict: bool,
) -> None:
    if not name:  # the second line of a value in DSMR 2 and 3
        code, unit = rest.pending
        rest.pending = ("", "")
        if code and unit:
            _valued(reading, code, values[0] + "*" + unit, places[0], rest, strict)
        elif strict and not code:
            raise Rejected(LAYOUT, "a data line without a code")
        return
    key = name[name.find(":") + 1 :]
    if key.endswith("*255"):
        key = key[:-4]
    if key in rest.TELL and (key not in Clock.CODES or not _is_other(name)):
        rest.tell(name, key, values[0], places[0])
        if key in _IDS and values[0]:
            reading.texts[name] = values[0][:_ID_MAX]
    elif key == _SUBMETER_TYPE:
        rest.types[name[:4]] = values[0]
    elif key in _EXTRAS:
        if rest.ctx.extras and values[0]:
            from .extras import take

            take(reading, name, key, values, rest.ctx)
        return
    elif key == _MBUS_OLD:
        never = len(values) < 6 or values[0].startswith(_NEVER_READ)
        if len(values) > 6:  # DSMR 2.2 of some makers, on one line
            if not never:
                _valued(reading, values[4], values[6] + "*" + values[5], places[6], rest, strict)
        else:
            rest.pending = (name, "") if never else (values[4], values[5])
        if not never:
            rest.moments[values[4]] = values[0]
    elif len(values) == 2 and len(values[0]) >= 12 and number_and_unit(values[1])[2]:
        if not values[0].startswith(_NEVER_READ):
            _valued(reading, name, values[1], places[1], rest, strict)
            rest.moments[name[:4] + key] = values[0]
    else:
        _valued(reading, name, values[0], places[0], rest, strict)
    if len(values) == 2 and name[:2] == "1-" and rest.ctx.extras:
        from .extras import take  # the time of a peak

        take(reading, name, key, values, rest.ctx)


def _is_other(name: str) -> bool:
    """Whether it is of gas, water, heat or cooling: 6-0:1.0.0 is an energy and no clock."""
    return name[1:2] == "-" and name[0] in "56789"


def _valued(
    reading: Reading, name: str, text: str, place: int, rest: "_Rest", strict: bool
) -> None:
    """Takes a value with a known code and unit; others are ignored."""
    if name[-3:] == _NEVER_RESET:
        rest.unsuffixed.append((name[:-3], text, place))
        return
    number, star, unit = number_and_unit(text)
    known = _names.get(name) or _learn(name)
    code = known[1]
    if unit and not star:  # no text that ends like it, and no moment as in (210227144600W)
        scale = BY_TEXT.get(unit.lower())
        if not scale or scale[0] != known[2] or len(number) > _UNMARKED_MAX:
            number, unit = text, ""
    if not unit and not star:
        unit = known[2]
        if unit in _KILO:
            unit = "k" + unit if "." in number or "," in number else ""
    scale = ("", 0) if unit == _FACTOR else BY_TEXT.get(unit.strip().lower())
    if not code or not scale:
        return
    if star and len(_units) < _UNITS_MAX:
        _units[unit + ")"] = scale
    size = len(number)
    number = number.strip().replace(",", ".")
    try:
        mantissa, exponent = parse_decimal(number)
    except ValueError:
        if known[2] == _FACTOR and not star:  # a tariff may have a name
            if number:
                reading.texts[name] = number[:_ID_MAX]
        elif strict:
            raise Rejected(LAYOUT, "the value of %s is not a number" % code)
        return
    unit = scale[0]
    factor = not star and known[2] == _FACTOR
    if (
        ":" not in name
        and not factor
        and (unit not in _ELECTRICAL or known[2] not in ("", unit, _FACTOR))
    ):
        code = "6" + code[1:]  # without a medium: heat meters have other quantities there
        if code[4:6] != "6.":
            rest.vague.append(code)
    exponent += scale[1]
    key = put(reading, code, (mantissa, exponent), unit)
    if rest.marks:
        rest.marks.slots.append((place, size, key, exponent))


def _learn(name: str) -> "tuple[str, str, str]":
    """(key, code, unit that the code implies) of what is before "("; "" if it is not one."""
    code = _code(name.strip(_STRAY))
    known = ("", "", "")
    if code:
        key = code[4:] if code[:4] in ("0-0:", "0-1:", "1-0:", "1-1:") else code
        unit = ""
        if code[:2] == "1-" or code[:4] == "0-0:":
            c, d = [int(g) for g in code[code.find(":") + 1 :].split(".")[:2]]
            if code[0] == "0":
                unit = _FACTOR if c == 96 and (c, d) in _COUNTS else ""
            else:
                unit = _FACTOR if (c % 20 == 13 and d == 7) or (c, d) in _COUNTS else unit_of(c, d)
        known = (key, code, unit)
        if ":" in name and len(_names) < _NAMES_MAX:
            _names[name] = known
    return known


def _code(name: str) -> str:
    colon = name.find(":")
    medium = name[:colon] if colon >= 0 else "1-0"
    tail = name[colon + 1 :].replace(":", ".")
    star = tail.find("*")
    if star >= 0:
        if tail[star + 1 :] != "255":
            return ""
        tail = tail[:star]
    groups = tail.split(".")
    if len(groups) == 4 and groups.pop() != "255":
        return ""
    if len(groups) == 2:
        groups.append("0")
    elif groups[-1] == "255":  # EasyMeter's 1.7.255: no tariff
        groups[-1] = "0"
    code = "%s:%s" % (medium, ".".join(groups))
    return code if len(groups) == 3 and is_code(code) else ""


def _ascii(payload: "bytes | bytearray") -> str:
    """The bytes as str; a byte beyond ASCII, from a wrong parity or noise, becomes "?"."""
    try:
        text = str(payload, "ascii")
    except UnicodeError:
        text = ""
    if len(text) != len(payload):  # MicroPython takes UTF-8 for ASCII
        text = "".join([chr(b) if b < 128 else "?" for b in payload])
    return text


class _Rest:
    """Other contents of a text: the meter, and the time."""

    TELL = _IDS + Clock.CODES

    def __init__(self, marks: "Marks | None", ctx: "Context") -> None:
        self.marks = marks
        self.ctx = ctx
        self.at = 0  # where in the text the line is
        self.clock = Clock()
        self.unsuffixed: "list[tuple[str, str, int]]" = []  # code without *00, value, place
        self.pending = ("", "")  # code and unit of a value whose number is on the next line
        self._ids: dict[str, str] = {}
        self._others: dict[str, str] = {}  # of the meters on channels 1 and up
        self.types: dict[str, str] = {}  # "0-1:" and the like: type of the sub-meter
        self.moments: dict[str, str] = {}  # code: the time that stands before its value
        self.vague: "list[str]" = []  # codes that do not tell what the meter measures

    def tell(self, name: str, key: str, value: str, place: int) -> None:
        if key in Clock.CODES:
            self.clock.tell(key, value)
            if self.marks:
                self.marks.times.append((key, place, len(value)))
        elif value.strip(" 0"):
            on_channel = name[1:2] == "-" and name[0] != "1" and name[2:4] != "0:"
            ids = self._others if on_channel else self._ids
            if key not in ids:
                ids[key] = value.strip()[:_ID_MAX]

    def meter(self, electric: bool) -> str:
        """The meter's id; that of another channel only if there is no electricity."""
        for ids in (self._ids,) if electric else (self._ids, self._others):
            for key in _IDS:
                if key in ids:
                    return _unhex(ids[key])
        return ""


def _unhex(text: str) -> str:
    """Decode ids that are the hexadecimal of their ASCII (P1; Kamstrup fills up with 00).

    Others, of eight digits as well, stay as they are.
    """
    if len(text) < _HEX_ID_MIN:
        return text
    try:
        octets = unhexlify(text).rstrip(b"\0")
    except ValueError:
        return text
    for b in octets:
        if not (48 <= b <= 57 or 65 <= b <= 90 or b == 32):
            return text
    return str(octets, "ascii").strip() or text
