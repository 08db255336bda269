"""SML messages (version 1.04) to a Reading: the value list of each GetListResponse.

A type-length byte has its type in bits 6 to 4 (0 octet string, 4 boolean, 5 signed, 6 unsigned,
7 list) and its length in bits 3 to 0: of a list the elements, else the bytes, itself included.
Bit 7 says that another such byte follows. 01 is an optional element left out, 00 ends a message.

The CRC that each message has of its own is not looked at: the transport's covers all of them.
"""

from sys import implementation

from ..checks.plausible import check
from ..fault import LAYOUT, LENGTH, VALUE, Rejected
from ..obis import complete, put, unit_named
from ..reading import Reading, offset

TYPE_CHECKING = False  # what follows is for mypy; a device has no typing
if TYPE_CHECKING:
    from ..context import Context

_KEEPS_PLANS = implementation.name != "micropython"  # there, walking twice is cheaper than heap
if _KEEPS_PLANS:
    from ..dlms.lists.plan_native import keep
    from .decode_native import Marks, SmlPlan

_GET_LIST_RESPONSE = 0x0701
_TIMESTAMP = 2  # SML_Time: seconds since 1970, UTC; 1 is a count of seconds, no time of day
_LOCAL_TIMESTAMP = 3  # a timestamp, then the minutes of offset and of summer time
_YEARS = (1262304000, 4102444800)  # 2010 to 2099: before and after, a clock was never set
_TL_MAX = 4  # bytes of one type-length field
_SCALER_MAX = 12

# DZG DVS74 of these serial numbers send a positive power as a signed number without room for
# its sign; their negative ones take four bytes, so that the shorter ones are meant positive.
# So do DWS74, that count no export, of all numbers up to the one where DZG mended it. If the
# status says that energy flows out, a negative number is right as it is (DZG, product manual).
_DZG = b"\x0a\x01DZG"
_DZG_UNSIGNED = ((42000000, 48999999), (55000000, 58999999))
_DZG_MENDED = 60000000
_EXPORT = b"\x07\x01\x00\x02\x08\x00\xff"  # the code of -A
_IMPORT = b"\x07\x01\x00\x01\x08\x00\xff"

# The status of an energy tells which way it flows: bit 5 in FNN's first eHZ, bit 11 in its basic
# meters, whose status ends with 04.
_FIRST_FORM = 0x80
_FIRST_EXPORTS = 0x20
_BASIC_FORM = 0x04
_BASIC_EXPORTS = 0x800
_POWERS = (16, 36, 56, 76)  # group C of +A - -A, in all and per phase


_codes: "dict[bytes, str]" = {}  # A, B, C, D, E as bytes: as text; each is spelled only once
_CODES_MAX = 64


def decode(payload: bytes, ctx: "Context") -> Reading:
    if not _KEEPS_PLANS:
        reading = _walk(payload, None)
        complete(reading, ctx.rows, ctx.plans)
        check(reading)
        _direct(reading, payload)
        return reading
    # a layout's signs depend on the status where DZG's are repaired
    name = ("sml", len(payload), _DZG in payload and _exports(payload, True))
    plan = ctx.plans.get(name)
    if isinstance(plan, SmlPlan):
        known = plan.read(payload)
        if known:
            for at in plan.times:
                _time(payload, at, known, None)
            _direct(known, payload)
            return known
    # of a layout seen for the second time: some meters hardly send the same one twice
    marks = Marks() if plan is None and name in ctx.plans else None
    reading = _walk(payload, marks)
    derived = complete(reading, ctx.rows, ctx.plans)
    check(reading)
    plan = None
    if marks:
        plan = SmlPlan(payload, marks, reading, derived)
    keep(ctx.plans, name, plan)
    _direct(reading, payload)
    return reading


def _direct(reading: Reading, data: bytes) -> None:
    """Give the power the sign that some meters only send in the status.

    EMH's ED300L sends |A| as 15.7.0, Holley's DTZ251 and Honeywell's AS2020 as 16.7.0.
    """
    values = reading.values
    if "16.7.0" in values:
        number, exponent = values["16.7.0"]
        if number > 0 and _exports(data, True):
            values["16.7.0"] = (-number, exponent)
    elif "15.7.0" in values and reading.units["15.7.0"] == "W":
        exports = _exports(data, False)
        if exports is not None:
            number, exponent = values["15.7.0"]
            put(reading, "1-0:16.7.0", (-number if exports else number, exponent), "W")


def _exports(data: bytes, basic: bool) -> bool | None:
    """Whether the status of +A, or else that of -A, says that energy flows out; None if it
    says neither. basic: only in the form of basic meters."""
    for code in (_IMPORT, _EXPORT):
        at = data.find(code)
        head = data[at + len(code)] if 0 <= at < len(data) - len(code) else 0
        if 0x62 <= head <= 0x69:
            at += len(code) + 1
            status = int.from_bytes(data[at : at + (head & 15) - 1], "big")
            if status & 0xFF == _BASIC_FORM and head > 0x62:
                return status & _BASIC_EXPORTS != 0
            if status & _FIRST_FORM and not basic:
                return status & _FIRST_EXPORTS != 0
    return None


def _walk(payload: bytes, marks: "Marks | None") -> Reading:
    reading = Reading()
    try:
        lists = _messages(payload, reading, marks)
    except IndexError:
        raise Rejected(LENGTH, "an SML message ends before its elements do")
    if not lists or not reading.values:
        raise Rejected(LAYOUT, "an SML telegram without a list of values")
    reading.payload = payload
    reading.layers = ("GetListResponse",)
    return reading


def _messages(data: bytes, reading: Reading, marks: "Marks | None") -> int:
    free = marks.free if marks else None
    lists = 0
    at = 0
    end = len(data)
    while at < end:
        if data[at] == 0:  # filled up to a multiple of four bytes
            at += 1
            continue
        if data[at] != 0x76:
            raise Rejected(LAYOUT, "an SML message is a list of 6")
        at = _skip(data, at + 1, 3, free)  # transaction, group, what to do on an error
        if data[at] != 0x72:
            raise Rejected(LAYOUT, "the body of an SML message is a list of 2")
        tag, at = _number(data, at + 1)
        if tag == _GET_LIST_RESPONSE:
            at = _list(data, at, reading, marks)
            lists += 1
        else:
            at = _skip(data, at, 1, free)
        at = _skip(data, at, 1, free)  # its CRC
        if data[at] != 0:
            raise Rejected(LAYOUT, "an SML message without its end")
        at += 1
    return lists


def _list(data: bytes, at: int, reading: Reading, marks: "Marks | None") -> int:
    if data[at] != 0x77:
        raise Rejected(LAYOUT, "a list of values in SML has 7 elements")
    at = _skip(data, at + 1, 1, None)  # client
    kind, size, at = _head(data, at)
    if kind:
        raise Rejected(LAYOUT, "the server of an SML list is an octet string")
    server = data[at : at + size]
    at = _skip(data, at + size, 1, None)  # name of the list
    at = _time(data, at, reading, marks)
    if not reading.meter:
        reading.meter = _identity(server)
    unsigned = _sends_unsigned(server, data)
    kind, left, at = _head(data, at)
    if kind != 0x70:
        raise Rejected(LAYOUT, "the values of an SML list are a list")
    at = _entries(data, at, left, reading, unsigned, marks)
    return _skip(data, at, 2, marks.free if marks else None)  # signature, time of the gateway


def _entries(
    data: bytes, at: int, left: int, reading: Reading, unsigned: bool, marks: "Marks | None"
) -> int:
    """The values: each a list of OBIS code, status, time, unit, scaler, value, signature.

    One loop with the usual forms of each element in it: it is where the time goes.
    """
    free = marks.free if marks else None
    while left:
        left -= 1
        if data[at] != 0x77:
            raise Rejected(LAYOUT, "a value in SML has 7 elements")
        if data[at + 1] != 7 or data[at + 7] != 255:  # no OBIS code, or one of a stored value
            at = _skip(data, at + 1, 1, None)
            at = _skip(data, at, 6, free)
            continue
        name = data[at + 2 : at + 7]
        at += 8
        head = data[at]
        if 0 < head < 0x70 and data[at + (head & 15)] == 1 and not marks:  # a status and no time
            at += (head & 15) + 1
        else:
            at = _skip(data, at, 2, free)
        unit: int | None
        scaler: int | None
        if data[at] == 0x62 and data[at + 2] == 0x52:
            unit = data[at + 1]
            scaler = data[at + 3]
            at += 4
            if scaler > 127:
                scaler -= 256
        else:
            unit, at = _number(data, at)
            scaler, at = _number(data, at)
        head = data[at]
        stop = at + (head & 15)
        kind = head & 0xF0
        if kind != 0x50 and kind != 0x60:  # absent, text, boolean, list
            at = _skip(data, at, 2, free)
            continue
        if not at + 1 < stop <= at + 9:
            raise Rejected(LAYOUT, "an SML number of %d bytes" % (stop - at - 1))
        number = int.from_bytes(data[at + 1 : stop], "big")
        signed = kind == 0x50 and not (unsigned and stop - at < 5 and name[2] in _POWERS)
        if signed and data[at + 1] & 0x80:
            number -= 1 << (8 * (stop - at - 1))
        if scaler is None:
            scaler = 0
        elif not -_SCALER_MAX <= scaler <= _SCALER_MAX:
            raise Rejected(VALUE, "a value with the scaler %d" % scaler)
        code = _codes.get(name) or _spell(name)
        key = put(reading, code, (number, scaler), unit_named(unit or 0))
        if marks:
            marks.slots.append((at + 1, stop - at - 1, signed, key, scaler))
        at = stop + 1 if data[stop] == 1 else _skip(data, stop, 1, free)  # signature
    return at


def _spell(name: bytes) -> str:
    code = "%d-%d:%d.%d.%d" % tuple(name)
    if len(_codes) < _CODES_MAX:
        _codes[name] = code
    return code


def _skip(data: bytes, at: int, left: int, free: "list[tuple[int, int]] | None") -> int:
    """The position behind `left` elements; adds to free where their contents are, and the sizes."""
    while left:
        head = data[at]
        left -= 1
        if head < 0x70:
            if free is not None and head & 15:
                free.append((at + 1, (head & 15) - 1))
            at += (head & 15) or 1  # 00 takes no more room than itself
        elif head < 0x80:
            left += head & 15
            at += 1
        else:
            kind, size, at = _head(data, at)
            if kind == 0x70:
                left += size
            else:
                if free is not None:
                    free.append((at, size))
                at += size
    return at


def _head(data: bytes, at: int) -> "tuple[int, int, int]":
    """(type, length without the type-length field, position behind that) of one element."""
    head = data[at]
    kind = head & 0x70
    size = head & 15
    first = at
    at += 1
    while head & 0x80:
        head = data[at]
        size = size << 4 | head & 15
        at += 1
        if at - first > _TL_MAX:
            raise Rejected(LENGTH, "an SML element with a length of more than %d bytes" % _TL_MAX)
    if kind != 0x70:
        size -= at - first
        if size < 0:
            raise Rejected(LAYOUT, "an SML element shorter than its own length")
    if size > len(data) - at:
        raise IndexError
    return kind, size, at


def _number(data: bytes, at: int) -> "tuple[int | None, int]":
    """(int, position behind) of a signed or unsigned element, (None, ...) of one left out."""
    kind, size, at = _head(data, at)
    if not size and not kind:
        return None, at
    if not 1 <= size <= 8 or (kind != 0x50 and kind != 0x60):
        raise Rejected(LAYOUT, "an SML element that should be a number")
    number = int.from_bytes(data[at : at + size], "big")
    if kind == 0x50 and data[at] & 0x80:
        number -= 1 << (8 * size)
    return number, at + size


def _time(data: bytes, at: int, reading: Reading, marks: "Marks | None") -> int:
    """Takes the time of the list where it is one; some meters leave out its choice of kind."""
    free = marks.free if marks else None
    if data[at] != 0x72:
        return _skip(data, at, 1, free)
    if marks:
        marks.times.append(at)
    kind, at = _number(data, at + 1)
    end = _skip(data, at, 1, free)
    minutes = 0
    if kind == _LOCAL_TIMESTAMP and data[at] == 0x73:
        seconds, at = _number(data, at + 1)
        zone, at = _number(data, at)
        summer, at = _number(data, at)
        minutes = (zone or 0) + (summer or 0)
    elif kind == _TIMESTAMP:
        seconds, at = _number(data, at)
    else:
        return end
    if seconds is not None and _YEARS[0] <= seconds < _YEARS[1] and -1440 < minutes < 1440:
        reading.time = _rfc3339(seconds, minutes)
        reading.clock = "meter"
    return end


def _rfc3339(seconds: int, minutes: int) -> str:
    """Seconds since 1970 as local time; MicroPython's time counts from another year on a device."""
    seconds += 60 * minutes
    days = seconds // 86400 + 719468  # since 1 March of year 0, from where leap days come last
    era = days // 146097
    day = days % 146097
    year = (day - day // 1460 + day // 36524 - day // 146096) // 365
    day -= 365 * year + year // 4 - year // 100
    month = (5 * day + 2) // 153
    day -= (153 * month + 2) // 5 - 1
    month += 3 if month < 10 else -9
    year += 400 * era + (month <= 2)
    second = seconds % 86400
    text = "%04d-%02d-%02dT%02d:%02d:%02d" % (
        year,
        month,
        day,
        second // 3600,
        second // 60 % 60,
        second % 60,
    )
    return text + (offset(minutes) if minutes else "Z")


def _identity(server: bytes) -> str:
    """The id printed on the meter (DIN 43863-5) where the server's is made of one: 1DZG0042082910.

    It is the length, the medium, three letters, the block and the serial number.
    """
    if len(server) == 10 and server[0] in (9, 10) and 0 < server[1] < 10:
        letters = server[2:5]
        if all([65 <= c <= 90 for c in letters]):
            serial = int.from_bytes(server[6:], "big")
            return "%d%s%02X%08d" % (server[1], str(letters, "ascii"), server[5], serial)
    return "".join(["%02X" % b for b in server[:32]])


def _sends_unsigned(server: bytes, data: bytes) -> bool:
    if server[:5] != _DZG or len(server) != 10:
        return False
    if _exports(data, True):
        return False
    serial = int.from_bytes(server[6:], "big")
    if serial < _DZG_MENDED and _EXPORT not in data:
        return True
    return any([low <= serial <= high for low, high in _DZG_UNSIGNED])
