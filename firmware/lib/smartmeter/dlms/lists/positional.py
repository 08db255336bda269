"""Lists without codes, whose values are known by their position: layout e of layouts.py."""

from ...meters import positions as known
from ...meters import profiles
from ...obis import key_of, put_as, unit_of
from .. import axdr
from ..clock import is_clock
from .value_list import ValueList, text_of

TYPE_CHECKING = False  # what follows is for mypy; a device has no typing
if TYPE_CHECKING:
    from array import array

    from ...reading import Reading

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

_POWERS = {"1-0:%d.7.0" % c: c for c in (21, 22, 41, 42, 61, 62)}

_ROUNDED = 2  # a sum of tariffs may differ by that much from the total
_POWER_MAX = 1000000  # W or var of a meter without transformers, and more


def positions(data: bytes | bytearray, places: "array[int]") -> ValueList | None:
    """Layout e, or None: the kinds of all values in a row are a list's mark."""
    kinds = "".join([_kind(data, place) for place in places])
    found = known.POSITIONS.get(kinds)
    if kinds in known.TWINS:
        twin = _is_twin(data, places)
        if twin is None:
            return None
        if twin:
            found = known.TWINS[kinds]
    if found is None:
        return None
    family, meanings = found
    listed = ValueList("e")
    unscaled: dict[str, int] = {}
    for meaning, place in zip(meanings, places):
        name, exponent = (meaning, 0) if isinstance(meaning, str) else meaning
        if exponent is None:
            unscaled[name] = place
            continue
        if not name:
            listed.free.append(place)
        elif name == known.ID:
            listed.meter = text_of(axdr.octets(data, place))
        elif name == known.CLOCK:
            listed.clock = axdr.octets(data, place)
            listed.clock_place = place
        elif name == known.LIST:
            listed.profile = profiles.by_name(axdr.octets(data, place))
        else:
            listed.named.append((name if ":" in name else "1-0:" + name, exponent, place, 0))
    if listed.profile is profiles.UNKNOWN:
        listed.profile = profiles.named(family)
    if unscaled:
        _scale(data, listed, unscaled)
    return listed


def put_named(data: bytes | bytearray, listed: ValueList, reading: "Reading") -> None:
    """Adds the numbers that are known by their position to reading."""
    for text, exponent, place, group in listed.named:
        c, d, _ = text[text.find(":") + 1 :].split(".")
        if data[place] in axdr.NUMBERS:
            number = axdr.number(data, place)
        else:  # a tariff as octets, which no Plan knows to take
            number = int.from_bytes(axdr.octets(data, place), "big")
            listed.slots = None
        unit = unit_of(int(c), int(d)) if text[0] == "1" else ""
        key = put_as(reading, key_of(text), text, (number, exponent), unit)
        if listed.slots is not None:
            listed.slots.append((place, key, exponent, group))


def _is_twin(data: bytes | bytearray, places: "array[int]") -> bool | None:
    """Whether nine items are Landis+Gyr's powers and energies; None if ambiguous.

    Iskraemeco's are energies in all and per tariff.
    """
    maker = axdr.octets(data, places[0])[:3]
    if maker in (b"LGZ", b"ISK"):
        return maker == b"LGZ"
    numbers = [axdr.number(data, place) for place in places[1:]]
    over = [numbers[i] - numbers[i + 1] - numbers[i + 2] for i in (2, 5)]
    if max(over) <= _ROUNDED and min(over) >= -_ROUNDED:
        return False
    # a total is never less than its tariffs; power flows in one direction at a time
    if min(over) < -_ROUNDED and max(numbers[:4]) < _POWER_MAX and not numbers[0] * numbers[1]:
        return True
    return None


def _scale(data: bytes | bytearray, listed: ValueList, places: "dict[str, int]") -> None:
    """Names the values whose exponents follow from mains limits."""
    from .scales import Scales

    numbers = {int(code.split(".")[0]): axdr.number(data, at) for code, at in places.items()}
    for i, (code, exponent, at, _) in enumerate(listed.named):
        c = _POWERS.get(code, 0)
        if c:  # the currents' scale hangs on these
            numbers[c] = axdr.number(data, at)
            listed.named[i] = (code, exponent, at, c)
    scales = Scales(listed.profile, numbers)
    for code, place in places.items():
        c = int(code.split(".")[0])
        unit = unit_of(c, 7)
        scale = scales.frequency if unit == "Hz" else scales.exponent(c, 7, unit)
        if scale is None:
            listed.free.append(place)
            listed.slots = None  # the next telegram may tell
        else:
            listed.named.append(("1-0:" + code, scale, place, c))


def _kind(data: bytes | bytearray, place: int) -> str:
    kind = _KINDS.get(data[place], "?")
    if kind == "s" and is_clock(axdr.octets(data, place)):
        return "c"
    return kind
