"""What M-Bus records mean for meters of heat, cooling, gas and water (EN 13757-3).

Tables 10 (VIF), 12 (FB) and 15 (VIFE) of EN 13757-3:2018. The codes are those of OBIS for the
medium (IEC 62056-61; Open Metering System, volume 2): heat has 6-0:1.0.0 (energy), 2.0.0 (volume),
8.0.0 (power), 9.0.0 (flow), 10.0.0 to 12.0.0 (temperatures of flow and return, their difference).
Cooling has 5-0, gas 7-0, cold water 8-0, hot water 9-0. Tariff n is the last group of a total.
A device loads this for the first such meter.
"""

from ..fault import VALUE, Rejected
from ..obis import put

TYPE_CHECKING = False  # what follows is for mypy; a device has no typing
if TYPE_CHECKING:
    from ..reading import Reading
    from .plan_native import Marks

    Value = tuple[int, int]

_GROUP_A = {"cooling": 5, "heat": 6, "gas": 7, "water": 8}
_HOT_WATER = (0x06, 0x15)  # types of meters; 8 is cold water in OBIS, 9 hot

_ENERGY = "Wh"
_HEAT = "J"
_VOLUME = "m3"
_POWER = "W"
_HEAT_POWER = "J/h"
_FLOW = "m3/h"
_SUPPLY = "supply"  # temperatures
_RETURN = "return"
_DIFFERENCE = "difference"

# C.D of each quantity by the medium's group A; energies and volumes have tariffs in E.
_THERMAL = {
    _ENERGY: "1.0",
    _HEAT: "1.0",
    _VOLUME: "2.0",
    _POWER: "8.0",
    _HEAT_POWER: "8.0",
    _FLOW: "9.0",
    _SUPPLY: "10.0",
    _RETURN: "11.0",
    _DIFFERENCE: "12.0",
}
_CODES = {
    5: _THERMAL,
    6: _THERMAL,
    7: {_VOLUME: "3.0", _FLOW: "43.15"},
    8: {_VOLUME: "1.0", _FLOW: "2.0"},
    9: {_VOLUME: "1.0", _FLOW: "2.0"},
}
_TOTALS = (_ENERGY, _HEAT, _VOLUME)
_UNITS = {_SUPPLY: "degC", _RETURN: "degC", _DIFFERENCE: "K"}
_TARIFF_MAX = 63  # OBIS, group E of totals

# VIF, as (first, last, quantity, power of ten of the first, factor): up to 8 in a row, each ten
# times the one before. Flows may be per minute or per second.
_QUANTITIES = (
    (0x00, 0x07, _ENERGY, -3, 1),
    (0x08, 0x0F, _HEAT, 0, 1),
    (0x10, 0x17, _VOLUME, -6, 1),
    (0x28, 0x2F, _POWER, -3, 1),
    (0x30, 0x37, _HEAT_POWER, 0, 1),
    (0x38, 0x3F, _FLOW, -6, 1),
    (0x40, 0x47, _FLOW, -7, 60),
    (0x48, 0x4F, _FLOW, -9, 3600),
    (0x58, 0x5B, _SUPPLY, -3, 1),
    (0x5C, 0x5F, _RETURN, -3, 1),
    (0x60, 0x63, _DIFFERENCE, -3, 1),
)
_QUANTITIES_FB = (
    (0x00, 0x01, _ENERGY, 5, 1),
    (0x08, 0x09, _HEAT, 8, 1),
    (0x10, 0x11, _VOLUME, 2, 1),
    (0x28, 0x29, _POWER, 5, 1),
    (0x30, 0x31, _HEAT_POWER, 8, 1),
)
_FB = 0xFB
_FD = 0xFD
_FORWARD = 0x3B  # VIFE: only what is positive is counted
_BASE = 0x3E  # VIFE: a gas volume at base conditions, 7-0:3.2.0
_PLAIN = 0
_ONE_WAY = 1

# What such a meter may send, by the table that VIF opens; the rest is reserved.
_SENT = {
    0: ((0x00, 0x6E), (0x70, 0x7A), (0x7C, 0x7C), (0x7F, 0x7F)),
    _FB: ((0x00, 0x11), (0x14, 0x1D), (0x20, 0x37), (0x58, 0x7F)),
    _FD: ((0x00, 0x7D),),
}

_LIMITS = {"degC": (-273, 1000), "K": (-1000, 1000)}  # of temperatures


def group_of(kind: int, medium: str) -> int:
    """Group A of OBIS for a meter's type in its header and the medium that this is."""
    return 9 if kind in _HOT_WATER else _GROUP_A[medium]


def is_sent(information: bytes) -> bool:
    """Whether a meter may send a record with VIF and VIFE (bytes, as sent)."""
    table = information[0] if information[0] in _SENT and len(information) > 1 else 0
    code = information[1 if table else 0] & 0x7F
    for first, last in _SENT[table]:
        if first <= code <= last:
            return True
    return False


class Values:
    """Gathers the values of one reply. group: A of OBIS."""

    def __init__(self, group: int) -> None:
        self._group = group
        # code: value, unit, rank, factor, index
        self._found: "dict[str, tuple[Value, str, int, int, int]]" = {}
        self._order: "list[str]" = []

    def meaning(
        self, information: bytes, tariff: int, subunit: int
    ) -> "tuple[str, str, int, int, int] | None":
        """(code, unit, power of ten, factor, rank) of a record; None if not known for certain.

        A subunit is another meter at this one's inputs, and nothing says what it measures.
        """
        at = 1
        table: "tuple[tuple[int, int, str, int, int], ...]" = _QUANTITIES
        code = information[0] & 0x7F
        if information[0] in (_FB, _FD) and len(information) > 1:
            code = information[1] & 0x7F
            table = _QUANTITIES_FB if information[0] == _FB else ()
            at = 2
        row = [row for row in table if row[0] <= code <= row[1]]
        if not row:
            return None
        first, _, quantity, exponent, factor = row[0]
        name = _CODES[self._group].get(quantity)
        if not name or subunit or tariff > (_TARIFF_MAX if quantity in _TOTALS else 0):
            return None
        rank = _PLAIN
        exponent += code - first
        for byte in information[at:]:
            refined = byte & 0x7F
            if 0x70 <= refined <= 0x77:  # a factor of ten
                exponent += refined - 0x76
            elif refined == 0x7D:
                exponent += 3
            elif refined == _FORWARD and quantity in _TOTALS:
                rank = _ONE_WAY
            elif refined == _BASE and name == "3.0":
                name = "3.2"
            elif refined:  # 00 says that the value has no error
                return None
        full = "%d-0:%s.%d" % (self._group, name, tariff)
        return full, _UNITS.get(quantity, quantity), exponent, factor, rank

    def keep(self, meant: "tuple[str, str, int, int, int]", value: "Value", index: int) -> None:
        """Keeps a value: the first of its code, or the plain one. index: its place in Marks."""
        code, unit, exponent, factor, rank = meant
        if code not in self._found:
            self._order.append(code)
        elif self._found[code][2] <= rank:
            return
        self._found[code] = ((value[0] * factor, value[1] + exponent), unit, rank, factor, index)

    def put(self, reading: "Reading", marks: "Marks | None") -> None:
        """Adds the values to the reading. Rejected if a temperature is impossible."""
        for code in self._order:
            value, unit, _, factor, index = self._found[code]
            if unit in _LIMITS and not _is_between(value, *_LIMITS[unit]):
                raise Rejected(VALUE, "the temperature %s is impossible" % code)
            put(reading, code, value, unit)
            if marks:
                marks.slots.append((code, index, factor, value[1]))
                if unit in _LIMITS:
                    low, high = _LIMITS[unit]
                    marks.limits.append((code, low, high))


def _is_between(value: "Value", low: int, high: int) -> bool:
    mantissa, exponent = value
    parts = int(10 ** abs(exponent))
    if exponent < 0:
        return low * parts <= mantissa <= high * parts
    return low <= mantissa * parts <= high
