"""What a list of values holds before it is scaled, and what every layout asks of its bytes."""

from array import array
from sys import implementation

from ...meters import profiles
from ...obis import key_of, unit_of
from .. import axdr
from ..clock import is_clock

TYPE_CHECKING = False  # what follows is for mypy; a device has no typing
if TYPE_CHECKING:
    Slots = list[tuple[int, str, int, int | None]]

_KEEPS_PLANS = implementation.name != "micropython"  # there, walking twice is cheaper than heap

CODE_SIZE = 6  # octets of an OBIS code

# What a code means, by its groups: ("A-B:C.D.E", its key, its unit); each is spelled only once.
_known: "dict[int | bytes, tuple[str, str, str]]" = {}
_KNOWN_MAX = 64


class ValueList:
    """What a list holds before scaling; all places are those of tags in the telegram's bytes.

    pairs has three numbers for each value that has a code: where the code's six octets are, the
    place of the value, and that of its scaler_unit, 0 for none. named is [(code, exponent, place,
    C where scales hang on the number, else 0)] of values that are known by their position. slots
    is what a Plan needs, None if there can be none; free the places of values that nobody
    uses; clock_place that of the clock.
    """

    def __init__(self, layout: str) -> None:
        self.layout = layout
        self.pairs: "array[int]" = array("H")
        self.named: "list[tuple[str, int, int, int]]" = []
        self.slots: "Slots | None" = [] if _KEEPS_PLANS else None
        self.free: list[int] = []
        self.meter = ""
        self.clock: bytes | None = None
        self.clock_place = 0
        self.profile = profiles.UNKNOWN

    def pair(self, code: int, place: int, scaler: int) -> None:
        pairs = self.pairs
        pairs.append(code)
        pairs.append(place)
        pairs.append(scaler)


def is_code(data: bytes | bytearray, place: int) -> bool:
    """Whether an OBIS code may be there: group A is 0 to 15, which no text begins with."""
    return data[place] in axdr.STRINGS and data[place + 1] == CODE_SIZE and data[place + 2] < 16


def is_octets(tag: int) -> bool:
    """Whether a tag is that of a string or a moment."""
    return tag in axdr.STRINGS or tag in axdr.OTHER_OCTETS


def text_of(octets: bytes) -> str:
    """ASCII as it stands, without padding; anything else as hex: an id holds no control code."""
    stripped = octets.strip(b"\x00 ")
    for b in stripped:
        if not 0x21 <= b <= 0x7E:
            return "".join(["%02X" % b for b in octets])
    return str(stripped, "ascii")


def note(data: bytes | bytearray, listed: ValueList, place: int) -> None:
    """A string that stands alone: the clock, the list's name or, last, a serial number."""
    octets = axdr.octets(data, place)
    if is_clock(octets):
        listed.clock = octets
        listed.clock_place = place
        return
    profile = profiles.by_name(octets)
    if profile is not profiles.UNKNOWN and not listed.pairs:
        listed.profile = profile
    elif not listed.meter:
        listed.meter = text_of(octets)


def describe(data: bytes | bytearray, at: int) -> "tuple[str, str, str] | None":
    """("A-B:C.D.E", its key, its unit) of the code's octets at data[at]; None for one of a past
    billing period."""
    if data[at + 5] != 255:
        return None
    a = data[at]
    b = data[at + 1]
    c = data[at + 2]
    d = data[at + 3]
    e = data[at + 4]
    name: "int | bytes"
    if a < 2 and b < 32:  # a small int on a device, no garbage
        name = (((a << 5 | b) << 8 | c) << 8 | d) << 8 | e
    else:
        name = bytes(data[at : at + CODE_SIZE])
    known = _known.get(name)
    if known is None:
        text = "%d-%d:%d.%d.%d" % (a, b, c, d, e)
        known = (text, key_of(text), unit_of(c, d) if a == 1 else "")
        if len(_known) < _KNOWN_MAX:
            _known[name] = known
    return known
