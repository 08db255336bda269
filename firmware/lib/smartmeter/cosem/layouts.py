"""The lists of values in a data-notification, told apart by their shape, telegram by telegram.

    a  structures of code, value, scaler_unit    Aidon, Kaifa (west of Austria), AM550
    b  code, value, scaler_unit in one row       Kaifa and Sagemcom of Netz NOE
    c  code, value in one row                    Kamstrup, Kaifa (Sweden), E450
    d  descriptors, then values in their order   Landis+Gyr and Iskraemeco in Switzerland
    e  values alone, known by their position     Kaifa (Norway), AM550, E450, IM350
    f  descriptors without type tags, value      EG.D in Czechia

axdr.values() drops the brackets, which makes one of a, b and c: a code, its value and
perhaps a scaler_unit, over and over.
"""

from .. import profiles
from ..fault import LAYOUT, LENGTH, VALUE, Rejected
from ..obis import UNITS, complete, octets_of, put, unit_of
from . import axdr
from .ciphering import ber_length
from .clock import is_clock
from .plan import Plan, keep
from .plausible import check, check_unguarded_list
from .scales import Scales

TYPE_CHECKING = False  # what follows is for mypy; a device has no typing
if TYPE_CHECKING:
    from ..profiles import Profile
    from ..reading import Reading
    from ..receiver import Receiver
    from .axdr import Value

    Pair = tuple[bytes, Value, axdr.Scaler | None, int]

_SCALE_MAX = 30
_NO_PLACE = -1
_CODE = 6  # octets of an OBIS code

_CLOCKS = (b"\x00\x00\x01\x00\x00\xff", b"\x00\x01\x01\x00\x00\xff")  # 0-0:1.0.0, 0-1:1.0.0

# Where a meter says who it is, best first (protocols differ; hard to confuse with a value).
_NAMES = (
    b"\x00\x00\x2a\x00\x00\xff",  # 0-0:42.0.0 logical device name
    b"\x00\x00\x60\x01\x00\xff",  # 0-0:96.1.0 serial number
    b"\x01\x01\x00\x00\x05\xff",  # 1-1:0.0.5 Kamstrup's GS1 number
    b"\x00\x00\x60\x01\x01\xff",  # 0-0:96.1.1 equipment identifier
)
# 1-1:0.2.129 and 1-0:0.2.129: name and version of a Nordic list
_LISTS = (b"\x01\x01\x00\x02\x81\xff", b"\x01\x00\x00\x02\x81\xff")
_TYPES = (b"\x01\x01\x60\x01\x01\xff", b"\x00\x00\x60\x01\x07\xff")


class Listed:
    """What a list holds before scaling.

    pairs is [(code, value, Scaler or None, where its tag is)], free the places of values that
    nobody uses.
    """

    __slots__ = ("clock", "free", "layout", "meter", "pairs", "profile")

    def __init__(self, layout: str) -> None:
        self.layout = layout
        self.pairs: "list[Pair]" = []
        self.free: list[int] = []
        self.meter = ""
        self.clock: bytes | None = None
        self.profile = profiles.UNKNOWN


def read(
    data: bytes | bytearray,
    at: int,
    title: bytes,
    ctx: "Receiver",
    reading: "Reading",
    guarded: bool,
) -> "tuple[str, bytes | bytearray | None, Profile]":
    """Fills reading with the list data[at:]; gives ("layout a" to f, the clock's octets, Profile).

    title is the system title (b"" for none); ctx.profile overrides what the telegram says;
    ctx.plans, a dict, keeps what was learned for the next telegram of the same meter. guarded:
    a CRC or a tag was checked.
    """
    end = len(data)
    plans = ctx.plans
    name = (title, end - at, guarded)
    plan = plans.get(name)
    if plan:
        found, clock = plan.apply(data, at, reading)
        if found:
            return plan.layout, clock, plan.profile
    places: list[int] = []
    items: "list[Value]" = []
    listed: Listed | None
    if data[at : at + 3] == b"\x02\x02\x16" and data[at + 4 : at + 5] == b"\x01":
        listed = _untagged(data, at, end, items, places)
    else:
        if axdr.element(data, at, end, items, places) != end:
            raise Rejected(LENGTH, "bytes follow the list of values")
        listed = (
            _descriptors(items, places) or _pairs(items, places) or _positions(items, places, data)
        )
    if listed is None:
        raise Rejected(LAYOUT, "the list of values is of no layout known (%d items)" % len(items))
    _identify(listed, title, ctx.profile)
    reading.meter = listed.meter
    slots = _fill(listed, reading)
    if not reading.values:
        raise Rejected(LAYOUT, "the list holds no value")
    derived = complete(reading)
    check(reading)
    if not guarded:
        check_unguarded_list(reading)
    if slots and derived is not None:
        place = places[items.index(listed.clock)] if listed.clock else None
        plan = Plan(data, at, end, listed, reading, slots, listed.free, place, derived)
        keep(plans, name, plan)
    return "layout " + listed.layout, listed.clock, listed.profile


def _identify(listed: Listed, title: bytes, profile: "Profile | None") -> None:
    """Whose list it is: the meter, its profile, its clock."""
    found = {}
    for code, value, _, _ in listed.pairs:
        if type(value) is bytes and code not in found:
            found[code] = value
    for code in _LISTS:
        if code in found and listed.profile is profiles.UNKNOWN:
            listed.profile = profiles.by_name(found[code])
    for code in _NAMES:
        if found.get(code):
            if not listed.meter:
                listed.meter = text_of(found[code])
            if listed.profile is profiles.UNKNOWN:
                listed.profile = profiles.by_name(found[code])
    for code in _CLOCKS:
        if code in found and is_clock(found[code]):
            listed.clock = found[code]
    if listed.profile is profiles.UNKNOWN:
        listed.profile = profiles.by_name(title)
    if not listed.meter and title:
        listed.meter = text_of(title[:3]) + "".join(["%02X" % b for b in title[3:]])
    if profile:
        listed.profile = profile
        return
    if listed.profile is profiles.UNKNOWN:
        # Swiss lists have no name and often no device name: all known are of this family's way
        family = "landis-gyr" if listed.layout == "d" else "unknown"
        listed.profile = profiles.PROFILES[family]
    for code in _TYPES:
        if code in found:
            listed.profile = profiles.by_type(listed.profile, found[code])


def text_of(octets: bytes) -> str:
    """ASCII as it stands, without padding; anything else as hex: an id holds no control code."""
    stripped = octets.strip(b"\x00 ")
    for b in stripped:
        if not 0x21 <= b <= 0x7E:
            return "".join(["%02X" % b for b in octets])
    return str(stripped, "ascii")


def _is_code(value: "Value") -> bool:
    """Whether a value may be an OBIS code: group A is 0 to 15, which no text begins with."""
    return type(value) is bytes and len(value) == _CODE and value[0] < 16


def _pairs(items: "list[Value]", places: list[int]) -> Listed | None:
    """Layouts a, b and c, or None: nothing but codes with their values, and a few strings."""
    listed = Listed("c")
    add = listed.pairs.append
    n = len(items)
    i = 0
    while i < n:
        code = items[i]
        i += 1
        if code is None:  # a filler for a phase that is not there
            continue
        if type(code) is not bytes:
            return None
        if len(code) != _CODE or code[0] >= 16:
            _note(listed, code)
            continue
        if i == n:
            return None
        value = items[i]
        i += 1
        scaler = items[i] if i < n else None
        if isinstance(scaler, axdr.Scaler):
            add((code, value, scaler, places[i - 1]))
            listed.layout = "b"
            i += 1
        else:
            add((code, value, None, places[i - 1]))
    for _, value, _, _ in listed.pairs:
        if type(value) is int or type(value) is tuple:
            return listed
    return None


def _note(listed: Listed, octets: bytes) -> None:
    """A string that stands alone: the clock, the list's name or, last, a serial number."""
    if is_clock(octets):
        listed.clock = octets
        return
    profile = profiles.by_name(octets)
    if profile is not profiles.UNKNOWN and not listed.pairs:
        listed.profile = profile
    elif not listed.meter:
        listed.meter = text_of(octets)


def _descriptors(items: "list[Value]", places: list[int]) -> Listed | None:
    """Layout d, or None: class, code, attribute, index for each value, and then the values.

    The first descriptor is mostly that of the push list, whose value is the descriptors.
    """
    n = 0
    size = len(items)
    while n + 4 <= size and (
        type(items[n]) is int
        and _is_code(items[n + 1])
        and type(items[n + 2]) is int
        and type(items[n + 3]) is int
    ):
        n += 4
    if not n:
        return None
    # a value may look like a descriptor's begin, so that the counts have to agree
    count = n // 4
    while count and 4 * count + count - 1 > size:
        count -= 1
    values = items[4 * count :]
    skipped = count - len(values)
    if skipped not in (0, 1):
        return None
    listed = Listed("d")
    for i, value in enumerate(values):
        descriptor = 4 * (i + skipped)
        code = items[descriptor + 1]
        attribute = items[descriptor + 2]
        if not isinstance(code, bytes):
            return None
        if attribute == 3 and isinstance(value, axdr.Scaler):
            listed.pairs = [
                (c, v, value if c == code and s is None else s, p) for c, v, s, p in listed.pairs
            ]
        elif attribute == 2 or items[descriptor] == 40:
            listed.pairs.append((code, value, None, places[4 * count + i]))
    return listed


def _untagged(
    data: bytes | bytearray, at: int, end: int, items: "list[Value]", places: list[int]
) -> Listed:
    """Layout f: a reason and an array of {class(2) code(6) attribute(1) as they are, value}."""
    listed = Listed("f")
    count, at = ber_length(data, at + 5, end)
    while count:
        count -= 1
        if end - at < 12 or data[at] != 2 or data[at + 1] != 2:
            raise Rejected(LAYOUT, "a list of plain attribute descriptors breaks off")
        code = bytes(data[at + 4 : at + 10])
        n = len(items)
        at = axdr.element(data, at + 11, end, items, places)
        if len(items) == n + 1:
            listed.pairs.append((code, items[n], None, places[n]))
    if at != end:
        raise Rejected(LAYOUT, "%d bytes follow the list of values" % (end - at))
    return listed


# A value's tag as positions.POSITIONS writes it.
_KINDS = {
    0x05: "q",
    0x06: "q",
    0x14: "q",
    0x15: "q",
    0x10: "w",
    0x12: "w",
    0x03: "b",
    0x0F: "b",
    0x11: "b",
    0x16: "b",
    0x04: "s",
    0x09: "s",
    0x0A: "s",
    0x0C: "s",
    0x19: "c",
}


def _positions(items: "list[Value]", places: list[int], data: bytes | bytearray) -> Listed | None:
    """Layout e, or None: the kinds of all items in a row are a list's mark."""
    from .. import positions

    kinds = "".join(
        [
            "c" if isinstance(item, bytes) and is_clock(item) else _KINDS.get(data[at], "?")
            for at, item in zip(places, items)
        ]
    )
    known = positions.POSITIONS.get(kinds)
    if known is None:
        return None
    family, meanings = known
    listed = Listed("e")
    for meaning, value, place in zip(meanings, items, places):
        name, exponent = (meaning, 0) if isinstance(meaning, str) else meaning
        if not name:
            listed.free.append(place)
        elif not isinstance(value, bytes):
            listed.pairs.append((octets_of(name), value, axdr.Scaler(exponent, None), place))
        elif name == positions.ID:
            listed.meter = text_of(value)
        elif name == positions.CLOCK:
            listed.clock = value
        elif name == positions.LIST:
            listed.profile = profiles.by_name(value)
        else:  # a tariff as octets, which no Plan knows to take
            number = int.from_bytes(value, "big")
            listed.pairs.append((octets_of(name), number, axdr.Scaler(exponent, None), _NO_PLACE))
    if listed.profile is profiles.UNKNOWN:
        listed.profile = profiles.PROFILES[family]
    return listed


def _fill(listed: Listed, reading: "Reading") -> list[tuple[int, str, int, int | None]] | None:
    """Scales the numbers and puts them into reading; gives the slots for a Plan, or None."""
    scales: Scales | None = None
    slots: list[tuple[int, str, int, int | None]] | None = []
    for code, value, scaler, place in listed.pairs:
        if isinstance(value, tuple):  # a floating-point number
            mantissa, extra = value
            slots = None
        elif isinstance(value, int):
            mantissa, extra = value, 0
        else:
            if value and isinstance(value, bytes) and not is_clock(value):
                text, _ = _describe(code)
                if text:
                    reading.texts[text] = text_of(value)
            continue
        text, unit = _describe(code)
        group = None
        exponent: int | None
        if scaler is None:
            if scales is None:
                scales = Scales(listed.profile, _unscaled(listed.pairs))
            exponent = scales.exponent(code[2], code[3], unit)
            group = code[2] if code[3] == 7 and code[4] == 0 else None
        else:
            exponent = scaler.scaler
            if scaler.unit is not None:
                said = UNITS.get(scaler.unit, "")
                if unit and said and said != unit:
                    raise Rejected(VALUE, "%s is sent in %s" % (text, said))
                unit = unit or said
        if (
            text is None or exponent is None
        ):  # of a past period, or nobody knows what the number counts
            listed.free.append(place)
            continue
        if not -_SCALE_MAX <= exponent + extra <= _SCALE_MAX:
            raise Rejected(VALUE, "the scale of %s is 10^%d" % (text, exponent + extra))
        key = put(reading, text, (mantissa, exponent + extra), unit)
        if place == _NO_PLACE:
            slots = None
        elif slots is not None:
            slots.append((place, key, exponent, group))
    return slots


def _unscaled(pairs: "list[Pair]") -> dict[int, int]:
    numbers: dict[int, int] = {}
    for code, value, scaler, _ in pairs:
        if scaler is None and type(value) is int and code[3] == 7 and code[4] == 0:
            numbers[code[2]] = value
    return numbers


def _describe(code: bytes) -> tuple[str | None, str]:
    """("A-B:C.D.E", unit) of a code's octets; (None, "") for one of a past billing period."""
    if code[5] != 255:
        return None, ""
    text = "%d-%d:%d.%d.%d" % (code[0], code[1], code[2], code[3], code[4])
    return text, (unit_of(code[2], code[3]) if code[0] == 1 else "")
