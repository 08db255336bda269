"""What cannot be is no reading: the last check, and the only one behind an 8-bit sum.

The bounds are those of physics and of the largest meters (transformer-operated, primary
values), not of a household: a true value is never refused.
"""

from ..fault import VALUE, Rejected

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
}
_ANY = 10**30
_EXPONENT_MAX = 9


def most_of(unit, exponent):
    """The largest mantissa that a value of this unit and exponent may have."""
    most = _MOST.get(unit, _ANY)
    return most * 10**-exponent if exponent < 0 else most // 10**exponent


def check(reading):
    """Rejected where a value is outside of what can be."""
    units = reading.units
    for key, value in reading.values.items():
        mantissa, exponent = value
        if not mantissa:
            continue
        if not -_EXPONENT_MAX <= exponent <= _EXPONENT_MAX:
            raise Rejected(VALUE, "the scale of %s is 10^%d" % (key, exponent))
        unit = units[key]
        most = most_of(unit, exponent)
        if not -most <= mantissa <= most:
            raise Rejected(VALUE, "%s is larger than can be" % key)
        if mantissa < 0 and unit in ("V", "Hz"):
            raise Rejected(VALUE, "%s is below zero" % key)
