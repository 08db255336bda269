"""Rejects impossible values: the last check, and the only one after an 8-bit sum.

The limits are those of physics and of the largest meters (with transformers, primary values), not
of a household, so that a true value is never refused.
"""

from ..fault import VALUE, Rejected

TYPE_CHECKING = False  # what follows is for mypy; a device has no typing
if TYPE_CHECKING:
    from ..reading import Reading

_MOST = {
    "W": 10**10,
    "var": 10**10,
    "VA": 10**10,
    "Wh": 10**16,
    "varh": 10**16,
    "VAh": 10**16,
    "A": 10**6,
    "V": 10**6,
    "Hz": 500,
    "J": 10**20,
    "J/h": 10**14,
    "m3": 10**12,
    "m3/h": 10**8,
}
_ANY = 10**30
_SURE = 10**6  # within those of electricity but Hz, of units and of parts of them
EXPONENT_MAX = 9

_limits: dict[tuple[str, int], int] = {}  # what most_of has said; each is worked out only once
_LIMITS_MAX = 64


def most_of(unit: str, exponent: int) -> int:
    """The largest mantissa that a value of this unit and exponent may have."""
    most = _MOST.get(unit, _ANY)
    return int(most * 10**-exponent if exponent < 0 else most // 10**exponent)


def _limit(unit: str, exponent: int) -> int:
    most = most_of(unit, exponent)
    if len(_limits) < _LIMITS_MAX:
        _limits[unit, exponent] = most
    return most


def check(reading: "Reading") -> None:
    """Rejected if a value is impossible."""
    units = reading.units
    values = reading.values
    for key in values:
        mantissa, exponent = values[key]
        if not mantissa:
            continue
        unit = units[key]
        if 0 < mantissa <= _SURE and -EXPONENT_MAX <= exponent <= 0 and unit != "Hz":
            continue
        if not -EXPONENT_MAX <= exponent <= EXPONENT_MAX:
            raise Rejected(VALUE, "the scale of %s is 10^%d" % (key, exponent))
        most = _limits.get((unit, exponent)) or _limit(unit, exponent)
        if not -most <= mantissa <= most:
            raise Rejected(VALUE, "%s is impossibly large" % key)
        if mantissa < 0 and unit in ("V", "Hz"):
            raise Rejected(VALUE, "%s is below zero" % key)
