"""The lists of values in a data-notification, recognised by their shape, telegram by telegram.

    a  structures of code, value, scaler_unit    Aidon, Kaifa (west of Austria), AM550
    b  code, value, scaler_unit in one row       Kaifa and Sagemcom of Netz NOE
    c  code, value in one row                    Kamstrup, Kaifa (Sweden), E450
    d  descriptors, then values in their order   Landis+Gyr and Iskraemeco in Switzerland
    e  values alone, known by their position     Kaifa (Norway), AM550, E450, IM350
    f  descriptors without type tags, value      EG.D in Czechia
    g  code, value and others in rows            any other order that shows itself: rows.py

axdr.walk() drops the brackets, which makes one of a, b and c: a code, its value and perhaps a
scaler_unit, over and over. What the others take is loaded with the first of them.
"""

from array import array

from ...checks.plausible import check
from ...fault import LAYOUT, LENGTH, VALUE, Rejected
from ...meters import profiles
from ...obis import complete, put_as, unit_named
from .. import axdr
from ..clock import is_clock
from .value_list import CODE_SIZE, ValueList, describe, is_code, is_octets, note, text_of

TYPE_CHECKING = False  # what follows is for mypy; a device has no typing
if TYPE_CHECKING:
    from ...context import Context
    from ...profile import Profile
    from ...reading import Reading
    from .scales import Scales

_SCALE_MAX = 30

_CLOCKS = (b"\x00\x00\x01\x00\x00\xff", b"\x00\x01\x01\x00\x00\xff")  # 0-0:1.0.0, 0-1:1.0.0

# The codes of a meter's identity, best first (protocols differ; hard to confuse with a value).
_NAMES = (
    b"\x00\x00\x2a\x00\x00\xff",  # 0-0:42.0.0 logical device name
    b"\x00\x00\x60\x01\x00\xff",  # 0-0:96.1.0 serial number
    b"\x01\x01\x00\x00\x05\xff",  # 1-1:0.0.5 Kamstrup's GS1 number
    b"\x00\x00\x60\x01\x01\xff",  # 0-0:96.1.1 equipment identifier
)
# 1-1:0.2.129 and 1-0:0.2.129: name and version of a Nordic list
_LISTS = (b"\x01\x01\x00\x02\x81\xff", b"\x01\x00\x00\x02\x81\xff")
_TYPES = (b"\x01\x01\x60\x01\x01\xff", b"\x00\x00\x60\x01\x07\xff")


def read(
    data: bytes | bytearray,
    at: int,
    ctx: "Context",
    reading: "Reading",
) -> "tuple[ValueList, list[tuple[str, str, str, int]]]":
    """Fills reading with the list data[at:]; gives (ValueList, what obis.complete gave).

    ctx.profile overrides what the telegram says.
    """
    listed = _list(data, at, len(data))
    _identify(data, listed, ctx.title, ctx.profile, reading.texts)
    reading.meter = listed.meter
    _fill(data, listed, reading)
    if not reading.values:
        raise Rejected(LAYOUT, "the list holds no value")
    derived = complete(reading, ctx.rows, ctx.plans)
    check(reading)
    if not ctx.guarded:
        from ...checks.unguarded import check_list

        check_list(reading)
    return listed, derived


def _list(data: bytes | bytearray, at: int, end: int) -> ValueList:
    if data[at : at + 3] == b"\x02\x02\x16" and data[at + 4 : at + 5] == b"\x01":
        from .descriptors import untagged

        return untagged(data, at, end)
    places = array("H")
    try:
        stop = axdr.walk(data, at, end, places)
    except Rejected:
        if data.find(b"\x06\x09\x01") < 0:
            raise
        from .rows import swapped

        data = swapped(data)
        places = array("H")
        stop = axdr.walk(data, at, end, places)
    if stop != end:
        raise Rejected(LENGTH, "bytes follow the list of values")
    listed = _pairs(data, places)
    if listed is None:
        from .descriptors import descriptors

        listed = descriptors(data, places)
    if listed is None:
        from .positional import positions

        listed = positions(data, places)
    if listed is None:
        from .rows import rows

        listed = rows(data, places)
    if listed is None:
        raise Rejected(LAYOUT, "the list of values is of no layout known (%d items)" % len(places))
    return listed


def _identify(
    data: bytes | bytearray,
    listed: ValueList,
    title: bytes,
    profile: "Profile | None",
    texts: "dict[str, str]",
) -> None:
    """Identifies the meter, its profile and its clock, and reads other texts."""
    found: "dict[bytes, bytes]" = {}
    pairs = listed.pairs
    for i in range(0, len(pairs), 3):
        place = pairs[i + 1]
        if not is_octets(data[place]):
            continue
        code = bytes(data[pairs[i] : pairs[i] + CODE_SIZE])
        octets = axdr.octets(data, place)
        if code not in found:
            found[code] = octets
        if not is_clock(octets):
            described = describe(data, pairs[i])
            if described and octets:
                texts[described[0]] = text_of(octets)
        elif code in _CLOCKS:
            listed.clock = octets
            listed.clock_place = place
    for code in _LISTS:
        if code in found and listed.profile is profiles.UNKNOWN:
            listed.profile = profiles.by_name(found[code])
    for code in _NAMES:
        if found.get(code):
            if not listed.meter:
                listed.meter = text_of(found[code])
            if listed.profile is profiles.UNKNOWN:
                listed.profile = profiles.by_name(found[code])
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
        listed.profile = profiles.named(family)
    for code in _TYPES:
        if code in found:
            listed.profile = profiles.by_type(listed.profile, found[code])


def _pairs(data: bytes | bytearray, places: "array[int]") -> ValueList | None:
    """Layouts a, b and c, or None: only codes with their values, and a few strings."""
    listed = ValueList("c")
    numbers = False
    n = len(places)
    i = 0
    while i < n:
        code = places[i]
        i += 1
        if not is_code(data, code):
            if data[code] == axdr.NULL:  # a filler for a phase that is not there
                continue
            if not is_octets(data[code]):
                return None
            note(data, listed, code)
            continue
        if i == n:
            return None
        place = places[i]
        i += 1
        tag = data[place]
        numbers = numbers or tag in axdr.NUMBERS or tag in axdr.FLOATS
        if i < n and data[places[i]] in axdr.LISTS:
            listed.pair(code + 2, place, places[i])
            listed.layout = "b"
            i += 1
        else:
            listed.pair(code + 2, place, 0)
    return listed if numbers else None


def _fill(data: bytes | bytearray, listed: ValueList, reading: "Reading") -> None:
    """Scales the numbers and adds them to reading."""
    scales: "Scales | None" = None
    pairs = listed.pairs
    for i in range(0, len(pairs), 3):
        code = pairs[i]
        place = pairs[i + 1]
        scaler = pairs[i + 2]
        tag = data[place]
        extra = 0
        if tag in axdr.NUMBERS:
            mantissa = axdr.number(data, place)
        elif tag in axdr.FLOATS:
            mantissa, extra = axdr.decimal(data, place)
            listed.slots = None
        else:
            continue
        described = describe(data, code)
        if not described:  # of a past period
            listed.free.append(place)
            continue
        unit = described[2]
        exponent: int | None
        group = None
        if scaler:
            exponent = data[scaler + 3]
            if exponent & 0x80:
                exponent -= 256
            said = unit_named(data[scaler + 5])
            if unit and said and said != unit:
                raise Rejected(VALUE, "%s is sent in %s" % (described[0], said))
            unit = unit or said
        else:
            if scales is None:
                from .scales import of_list  # many lists say all of their own

                scales = of_list(data, listed)
            exponent = scales.exponent(data[code + 2], data[code + 3], unit)
            group = data[code + 2] if data[code + 3] == 7 and data[code + 4] == 0 else None
        if exponent is None:  # nobody knows what the number counts
            if unit == "V":  # by these voltages; the next may tell
                listed.slots = None
            listed.free.append(place)
            continue
        if not -_SCALE_MAX <= exponent + extra <= _SCALE_MAX:
            raise Rejected(VALUE, "the scale of %s is 10^%d" % (described[0], exponent + extra))
        key = put_as(reading, described[1], described[0], (mantissa, exponent + extra), unit)
        if listed.slots is not None:
            listed.slots.append((place, key, exponent, group))
    if listed.named:
        from .positional import put_named

        put_named(data, listed, reading)
