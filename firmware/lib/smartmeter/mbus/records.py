"""Data records of EN 13757-3 (DIF, VIF, data) to a Reading: polled M-Bus meters, and AMIS.

The header says what a meter measures. media.py knows what heat, cooling, gas and water meters send.

    C A CI | header | records     long header: ID(4) manufacturer(2) version medium
                                  access number status configuration(2)

DIF: bits 3-0 the coding of the data, 5-4 its function (0: of now), 6 storage number, 7 DIFE
follow, each with 4 more bits of storage number, 2 of tariff and 1 of subunit. VIF: quantity
and power of ten; FB and FD open further tables; VIFE refine it. Only what is of now, and
whose meaning is known for certain, becomes a value.

AMIS (Siemens TD-351x, Netz OOe) encrypts the records: AES-128-CBC, mode 5 of EN 13757-3.

Only a sum of 8 bits guards them, which does not notice two swapped bytes. So everything that no
meter of the kind sends counts as damage: unknown kinds of records, invalid digits, powers that
voltage and current do not allow.
"""

from sys import implementation

from ..checks.coherence import check_coherent
from ..checks.plausible import check
from ..context import STANDARD
from ..crypto import aes
from ..dlms.clock import is_summer
from ..dlms.float754 import decimal_of
from ..fault import CIPHER, KEY, LAYOUT, LENGTH, PLAIN, UNENCRYPTED, VALUE, Rejected
from ..obis import complete, put, unit_of
from ..reading import ELECTRICITY, Reading, offset
from ..texts import is_time
from .vif import ACTIVE, AMIS, ENERGY, INKASSO, INSTANT, REACTIVE, SCHNEIDER, is_sent, meaning

TYPE_CHECKING = False  # what follows is for mypy; a device has no typing
if TYPE_CHECKING:
    from ..context import Context
    from ..profile import Profile
    from .media import Values
    from .vif import Meaning

_KEEPS_PLANS = implementation.name != "micropython"  # there, walking twice is cheaper than heap
if _KEEPS_PLANS:
    from ..dlms.lists.plan_native import keep
    from .plan_native import Marks, RecordsPlan

_ID_END = 11  # behind maker, number, version and type
_LONG = 15  # where records begin: behind a long header
_CI_AMIS = 0x5B
_HEADERS = {0x72: _LONG, _CI_AMIS: _LONG, 0x7A: 7, 0x78: 3}  # by CI; 7A has a short one
_ELECTRICITY = 0x02
_SYSTEM = 0x0E  # AMIS calls itself so
_RSP_UD = 0x08  # C of a reply; bits 4 and 5, DFC and ACD, may be set
_REPLY = 0xCF
_STATUS_ERROR = 0x03  # of the status: 1 busy, 2 an error, so that there are no values

_MODE_NONE = 0
_MODE_CBC = 5  # AES-128-CBC; the initialisation vector is of the header
_FILLER = 0x2F
_FILLERS = b"\x2f\x2f"
_MANUFACTURER_DATA = 0x0F  # to the end; 1F says besides that more records wait
_MORE_DATA = 0x1F
_EXTENSIONS_MAX = 10  # EN 13757-3, 6.3.2: of DIFE, and of VIFE

_FUNCTION = 0x30
_DATE_TIME = 0x6D
_PLAIN_TEXT = 0x7C

# The telegram of an AMIS meter: the bytes before each value, and their number
# (interface description of Netz OOe, 2.4.2).
_AMIS_RECORDS = (
    (b"\x2f\x2f\x06\x6d", 6),
    (b"\x04\x03", 4),
    (b"\x04\x83\x3c", 4),
    (b"\x84\x10\xfb\x82\x73", 4),
    (b"\x84\x10\xfb\x82\xf3\x3c", 4),
    (b"\x04\x2b", 4),
    (b"\x04\xab\x3c", 4),
    (b"\x04\xfb\x14", 4),
    (b"\x04\xfb\x94\x3c", 4),
    (b"\x04\x83\xff\x04", 4),
    (b"\x2f\x2f", 0),
)

# Bytes of data by the coding in DIF; None: the data itself gives it.
_SIZES = (0, 1, 2, 3, 4, 4, 6, 8, 0, 1, 2, 3, 4, None, 6, 0)
_INTEGERS = (1, 2, 3, 4, 6, 7)
_REAL = 5
_BCD = (9, 10, 11, 12, 14)
_CODINGS_NONE = (8, 15)  # a request's, and special functions


def decode(payload: bytes, ctx: "Context") -> Reading:
    """The Reading of a frame from C on; ctx.key opens it where it is encrypted."""
    reading = _read(payload, ctx)
    if ctx.bus:
        if payload[1] not in ctx.bus:
            raise Rejected(LAYOUT, "an M-Bus reply of address %d, which is not asked" % payload[1])
        reading.channel = ctx.bus.index(payload[1])
        if reading.channel:
            from ..submeters import number

            number(reading)
    return reading


def _read(payload: bytes, ctx: "Context") -> Reading:
    if not _KEEPS_PLANS or (ctx.key and not ctx.unencrypted):
        return _walk(payload, ctx, None)
    name = (payload[:_ID_END], len(payload))
    plan = ctx.plans.get(name)
    known = plan.read(payload) if plan else None
    if known:
        return known  # type: ignore[no-any-return]
    # of a layout seen for the second time: many replies have no long header, or other records
    marks = Marks() if plan is None and name in ctx.plans else None
    reading = _walk(payload, ctx, marks)
    plan = None
    if marks and marks.usable:
        plan = RecordsPlan(payload, marks, reading, lambda data: _time(data, ctx.profile, ctx.zone))
    keep(ctx.plans, name, plan)
    return reading


def _walk(payload: bytes, ctx: "Context", marks: "Marks | None") -> Reading:
    """The Reading, record by record; with marks, so that these are filled as well."""
    ci = payload[2] if len(payload) > 2 else 0
    at = _HEADERS.get(ci)
    if at is None:
        raise Rejected(LAYOUT, "M-Bus data of CI %02X is not known" % ci)
    if len(payload) < at:
        raise Rejected(LENGTH, "an M-Bus reply is too short for its header")
    maker = meter = ""
    medium = ELECTRICITY
    other: "Values | None" = None
    if at == _LONG:
        if payload[10] not in (_ELECTRICITY, _SYSTEM):
            from ..submeters import MEDIA  # most lines have electricity meters alone
            from .media import Values, group_of

            medium = MEDIA.get(payload[10], "")
            if not medium:
                raise Rejected(LAYOUT, "an M-Bus meter of type %02X is not supported" % payload[10])
            other = Values(group_of(payload[10], medium))
        maker = _letters(payload[7] | payload[8] << 8)
        digits = "%02X%02X%02X%02X" % (payload[6], payload[5], payload[4], payload[3])
        meter = maker + digits if digits.strip("0") else ""
    if ci != _CI_AMIS:
        _check_reply(payload, at)
    mode = payload[at - 1] & 0x1F if at > 3 else _MODE_NONE
    if mode == _MODE_NONE:
        if ctx.key and not ctx.unencrypted:
            raise Rejected(UNENCRYPTED, PLAIN)
        data = payload[at:]
    elif mode == _MODE_CBC and at == _LONG:
        data = _deciphered(payload, ctx.key)
    else:
        raise Rejected(CIPHER, "an M-Bus reply encrypted in mode %d is not known" % mode)
    if ci == _CI_AMIS and maker == AMIS:
        _check_amis(data)
    if marks:
        marks.begin = at
        marks.usable = at == _LONG and not mode
    reading = Reading(meter)
    reading.medium = medium
    _records(reading, data, maker, ctx, other, marks)
    if not reading.values:
        raise Rejected(LAYOUT, "an M-Bus reply without a value that is known")
    if other:
        check(reading)
    else:
        derived = _complete(reading, ctx)
        check(reading)
        coherence = check_coherent(reading)
        if marks:
            marks.derived = [entry for entry in derived if entry[0] in reading.values]
            marks.coherence = coherence
            marks.usable = marks.usable and len(marks.derived) == len(derived)
    reading.payload = data
    reading.layers = ("AES-CBC", "records") if mode else ("records",)
    return reading


def _check_reply(payload: bytes, at: int) -> None:
    """Rejected if a header is not that of a meter's reply."""
    if payload[0] & _REPLY != _RSP_UD:
        raise Rejected(LAYOUT, "an M-Bus frame with C %02X is no reply" % payload[0])
    if at == 3:
        return
    if payload[at - 3] & _STATUS_ERROR in (1, 2):
        raise Rejected(LAYOUT, "the M-Bus meter says that it is busy or in error")
    configuration = payload[at - 2] | payload[at - 1] << 8
    if configuration and not payload[at - 1] & 0x1F:
        raise Rejected(LAYOUT, "an M-Bus reply of configuration %04X is not known" % configuration)


def _check_amis(data: bytes) -> None:
    """Rejected if these are not the records of an AMIS meter, each in its place."""
    at = 0
    for head, size in _AMIS_RECORDS:
        if data[at : at + len(head)] != head:
            raise Rejected(LAYOUT, "the telegram does not have the records of an AMIS meter")
        at += len(head) + size
    if at != len(data):
        raise Rejected(LENGTH, "bytes follow the records of an AMIS meter")


def _letters(number: int) -> str:
    """The three letters of a manufacturer (EN 62056-21 FLAG), five bits each; some leave them 0."""
    if not number:
        return ""
    letters = "".join([chr(64 + (number >> shift & 31)) for shift in (10, 5, 0)])
    for c in letters:
        if not "A" <= c <= "Z":
            raise Rejected(LAYOUT, "an M-Bus meter whose maker's letters are none")
    return letters


def _deciphered(payload: bytes, key: "bytes | None") -> bytes:
    if not key:
        raise Rejected(KEY, "the telegram is encrypted, and no key is known")
    size = 16 * (payload[13] >> 4)  # configuration: bits 7-4 blocks, 12-8 mode
    stop = _LONG + size
    if not size or stop > len(payload):
        raise Rejected(LENGTH, "an M-Bus telegram is too short for its encrypted blocks")
    iv = payload[7:9] + payload[3:7] + payload[9:11] + bytes((payload[11],)) * 8
    plain = aes.cbc_decrypt(key, iv, payload[_LONG:stop])
    if plain[:2] != _FILLERS:
        # the last block is decrypted apart: where that is right, this one was damaged
        if payload[2] == _CI_AMIS and plain[-2:] == _FILLERS:
            raise Rejected(LAYOUT, "the telegram does not have the records of an AMIS meter")
        raise Rejected(KEY, "the key does not open the telegram")
    return plain + payload[stop:]


def _records(
    reading: Reading,
    data: bytes,
    maker: str,
    ctx: "Context",
    other: "Values | None",
    marks: "Marks | None",
) -> None:
    """Every record to the last byte; stored values and unknown ones are skipped.

    other: what takes the values of a meter that does not measure electricity.
    """
    sent = is_sent
    if other:
        from .media import is_sent as sent
    found = []
    at = 0
    end = len(data)
    while at < end:
        dif = data[at]
        if dif == _FILLER:
            at += 1
            continue
        if dif in (_MANUFACTURER_DATA, _MORE_DATA):
            if marks:
                marks.other(at + 1, end - at - 1)
            break
        storage, tariff, subunit, at = _data_information(data, at)
        start = at
        at = _information_end(data, at)
        information = bytes(data[start:at])
        if information[0] & 0x7F == _PLAIN_TEXT:  # the unit as text stands behind
            at += 1 + _byte(data, at)
        if not sent(information) or dif & 15 in _CODINGS_NONE:
            raise Rejected(LAYOUT, "a record that no %s meter sends" % reading.medium)
        size = _SIZES[dif & 15]
        if size is None:
            size = _variable(data, at)
        if at + size > end:
            raise Rejected(LENGTH, "an M-Bus record is cut short")
        is_variable = _SIZES[dif & 15] is None
        index = marks.other(at + is_variable, size - is_variable) if marks else 0
        if dif & _FUNCTION == 0 and not storage:
            content = data[at : at + size]
            if information[0] == _DATE_TIME:
                reading.time = _time(content, ctx.profile, ctx.zone) or reading.time
                if marks:
                    marks.clock(index)
            elif other:
                slot = other.meaning(information, tariff, subunit)
                value = _value(dif & 15, content) if slot else None
                if slot and value:
                    other.keep(slot, value, index)
                if slot and marks:
                    marks.number(index, dif & 15, value is not None)
            else:
                meant = meaning(information, maker, subunit)
                if maker == SCHNEIDER and meant and dif & 15 == _REAL and meant.d == ENERGY:
                    meant = None  # kWh, under the code of Wh; it sends them as integers, too
                if meant:
                    value = _value(dif & 15, content)
                    if value:
                        found.append((meant, tariff, value, index))
                    if marks:
                        marks.number(index, dif & 15, value is not None)
        at += size
    if reading.time:
        reading.clock = "meter"
    if other:
        other.put(reading, marks)
        return
    _put_all(reading, found, marks)
    if maker == AMIS:
        _reactive_totals(reading)


def _data_information(data: bytes, at: int) -> "tuple[int, int, int, int]":
    """(storage number, tariff, subunit, where the VIF is) of the DIF at data[at]."""
    storage = data[at] >> 6 & 1
    tariff = subunit = n = 0
    while _byte(data, at) & 0x80:
        at += 1
        byte = _byte(data, at)
        storage |= (byte & 15) << (1 + 4 * n)
        tariff |= (byte >> 4 & 3) << (2 * n)
        subunit |= (byte >> 6 & 1) << n
        n += 1
        if n > _EXTENSIONS_MAX:
            raise Rejected(LAYOUT, "an M-Bus record with more than %d DIFE" % _EXTENSIONS_MAX)
    return storage, tariff, subunit, at + 1


def _information_end(data: bytes, at: int) -> int:
    start = at
    while _byte(data, at) & 0x80:
        at += 1
        if at - start > _EXTENSIONS_MAX:
            raise Rejected(LAYOUT, "an M-Bus record with more than %d VIFE" % _EXTENSIONS_MAX)
    return at + 1


def _byte(data: bytes, at: int) -> int:
    if at >= len(data):
        raise Rejected(LENGTH, "an M-Bus record is cut short")
    return data[at]


def _variable(data: bytes, at: int) -> int:
    """The size of data of variable length, its length byte included (6.3.4, LVAR)."""
    size = _byte(data, at)
    if size >= 0xF0:
        raise Rejected(LAYOUT, "an M-Bus record of a length that is not known")
    return 1 + (size if size < 0xC0 else size & 15)


def _value(coding: int, content: bytes) -> "tuple[int, int] | None":
    """(mantissa, exponent) of a record's data, None if it is marked as invalid."""
    if coding in _BCD:
        digits = "".join(["%02x" % b for b in reversed(content)])
        negative = digits[0] == "f"
        if negative:
            digits = digits[1:]
        if not digits.isdigit():
            for c in digits:
                if c.isdigit():
                    raise Rejected(VALUE, "a decimal number has an invalid digit")
            return None
        return (-int(digits) if negative else int(digits)), 0
    number = int.from_bytes(content, "little")
    if coding == _REAL:
        return decimal_of(number, 8, 23, 9)
    if coding not in _INTEGERS:
        return None
    lowest = 1 << 8 * len(content) - 1
    if number == lowest:  # "invalid" (annex A, type B)
        return None
    return (number - 2 * lowest if number > lowest else number), 0


def _put_all(
    reading: Reading,
    found: "list[tuple[Meaning, int, tuple[int, int], int]]",
    marks: "Marks | None",
) -> None:
    """Adds the values to reading, with their signs.

    A meter that separates + and - only marks - (AMIS). A value of a meter that does not separate
    them is signed, and + or - by its sign.
    """
    apart = [meant.c for meant, _, _, _ in found if meant.sign < 0 and meant.d == INSTANT]
    seen = []
    for meant, tariff, (mantissa, exponent), index in found:
        same = (meant.c, meant.d, meant.sign, meant.phase, tariff)
        if same in seen:  # of another kind, then, that its maker alone knows
            continue
        seen.append(same)
        exponent += meant.exponent
        sign = meant.sign
        if mantissa < 0 and meant.d != INKASSO and (sign or meant.c in apart):
            raise Rejected(VALUE, "a value of one direction is below zero")
        if (
            not sign
            and meant.d == INSTANT
            and meant.c in (ACTIVE, REACTIVE)
            and meant.c not in apart
        ):
            if meant.c == ACTIVE:
                key = _put(reading, 16 + 20 * meant.phase, meant.d, tariff, mantissa, exponent)
                if marks:
                    marks.slots.append((key, index, 1, exponent))
            if mantissa < 0:
                sign = -1
                mantissa = -mantissa
        key = _put(reading, meant.group_c(sign), meant.d, tariff, mantissa, exponent)
        if marks:
            marks.slots.append((key, index, sign if meant.sign == 0 and sign else 1, exponent))


def _complete(reading: Reading, ctx: "Context") -> "list[tuple[str, str, str, int]]":
    """obis.complete, without totals from tariffs that are all 0.

    A meter that sends unused tariffs has its total in another of its replies (Schneider iEM3000).
    """
    sent = list(reading.values)
    derived = complete(reading, ctx.rows, ctx.plans)
    for key in list(reading.values):
        if key not in sent and key.endswith(".8.0") and not reading.values[key][0]:
            for told in (reading.values, reading.codes, reading.units):
                del told[key]
    return derived


def _reactive_totals(reading: Reading) -> None:
    """AMIS has one register of +R and one of -R, and calls both tariff 1."""
    values = reading.values
    for c in (3, 4):
        key = "%d.8.1" % c
        if key in values and "%d.8.0" % c not in values:
            mantissa, exponent = values[key]
            _put(reading, c, ENERGY, 0, mantissa, exponent)


def _put(reading: Reading, c: int, d: int, tariff: int, mantissa: int, exponent: int) -> str:
    unit = unit_of(c, ENERGY if d == INKASSO else d)
    return put(reading, "1-0:%d.%d.%d" % (c, d, tariff), (mantissa, exponent), unit)


def _time(content: bytes, profile: "Profile | None", zone: "tuple[int, str]") -> "str | None":
    """RFC 3339 text of date and time types F (4 bytes) and I (6 bytes) of annex A, or None."""
    size = len(content)
    if size not in (4, 6):
        return None
    second = 0
    fields = content
    summer = content[1] & 0x80  # type F
    if size == 6:  # type I has its seconds before, and the week behind
        second = content[0] & 63
        summer = content[0] & 0x40
        fields = content[1:5]
    minute, hour, day, month = fields
    if minute & 0x80:  # "time invalid"
        return None
    hour &= 31
    year = 2000 + (day >> 5 | month >> 4 << 3)
    text = "%04d-%02d-%02dT%02d:%02d:%02d" % (year, month & 15, day & 31, hour, minute & 63, second)
    if not is_time(text + "Z"):
        return None
    minutes = zone[0]
    if summer:
        return text + offset(minutes + 60)
    standard = profile is not None and profile.clock == STANDARD
    if not standard and is_summer(year, month & 15, day & 31, hour, zone) is not False:
        return None  # a meter that does not tell summer time, or a clock that was not set
    return text + offset(minutes)
