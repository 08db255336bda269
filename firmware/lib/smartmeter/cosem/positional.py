"""Lists without codes, whose values are known by their position: layout e of layouts.py."""

from .. import positions as known
from .. import profiles
from . import axdr
from .clock import is_clock
from .layouts import Listed, text_of

TYPE_CHECKING = False  # what follows is for mypy; a device has no typing
if TYPE_CHECKING:
    from array import array

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


def positions(data: bytes | bytearray, places: "array[int]") -> Listed | None:
    """Layout e, or None: the kinds of all values in a row are a list's mark."""
    found = known.POSITIONS.get("".join([_kind(data, place) for place in places]))
    if found is None:
        return None
    family, meanings = found
    listed = Listed("e")
    for meaning, place in zip(meanings, places):
        name, exponent = (meaning, 0) if isinstance(meaning, str) else meaning
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
            listed.named.append((name if ":" in name else "1-0:" + name, exponent, place))
    if listed.profile is profiles.UNKNOWN:
        listed.profile = profiles.named(family)
    return listed


def _kind(data: bytes | bytearray, place: int) -> str:
    kind = _KINDS.get(data[place], "?")
    if kind == "s" and is_clock(axdr.octets(data, place)):
        return "c"
    return kind
