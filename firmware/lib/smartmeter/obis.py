"""OBIS codes (IEC 62056-61): what a code is called on our wire, its unit, what follows from it."""

TYPE_CHECKING = False  # what follows is for mypy; a device has no typing
if TYPE_CHECKING:
    from typing import Any

    from .reading import Reading
    from .tariffs import Row

# Units of the Blue Book (4.3.2, table 4) as our wire writes them. A text, because a dict takes
# 0.5 kB more of a device's heap.
_UNITS = (
    " 1:a 4:d 5:h 6:min 7:s 8:deg 9:degC 13:m3 14:m3 15:m3/h 16:m3/h 25:J"
    " 26:J/h 27:W 28:VA 29:var 30:Wh 31:VAh 32:varh 33:A 35:V 44:Hz 56:% 71:A2h 72:V2h "
)


# Group C of electricity per phase: 1-20 in all, 21-40 L1, 41-60 L2, 61-80 L3 (table 7).
_POWERS = ("W", "W", "var", "var", "var", "var", "var", "var", "VA", "VA")

# Group D (table 9): a value at this moment, an average over a period, an extreme; a time integral.
_INSTANT = 7
_AVERAGES = (4, 5, 6, 14, 24)
_INTEGRALS = (8, 9, 29)


def unit_named(number: int) -> str:
    """The unit of a number in the Blue Book's table; "" if we know none."""
    at = _UNITS.find(" %d:" % number)
    if at < 0:
        return ""
    begin = _UNITS.find(":", at) + 1
    return _UNITS[begin : _UNITS.find(" ", begin)]


def unit_of(c: int, d: int) -> str:
    """The unit of electricity's groups C and D: "W", "Wh", "V" ..., "" if it has none."""
    if 91 <= c <= 92:  # neutral
        c -= 80
    elif 1 <= c <= 80:
        c = (c - 1) % 20 + 1
    else:
        return ""
    if c in (15, 16):  # |+A| + |-A| and +A - -A
        c = 1
    if d in _INTEGRALS:
        return _POWERS[c - 1] + "h" if c <= 10 else ""
    if d != _INSTANT and d not in _AVERAGES:
        return ""
    if c <= 10:
        return _POWERS[c - 1]
    return {11: "A", 12: "V", 14: "Hz"}.get(c, "")


def put(reading: "Reading", code: str, value: tuple[int, int], unit: str) -> str:
    """Adds (mantissa, exponent) under "A-B:C.D.E" code, and gives the key it got.

    The key is C.D.E alone where A and B are 0 or 1, as meters of one make differ in just
    that; a second value of the same C.D.E keeps its code in full.
    """
    return put_as(reading, key_of(code), code, value, unit)


def key_of(code: str) -> str:
    """The key of the first value of a code."""
    if code[0] in "01" and code[1] == "-" and code[2] in "01" and code[3] == ":":
        return code[4:]
    return code


def put_as(reading: "Reading", key: str, code: str, value: tuple[int, int], unit: str) -> str:
    """put() where the code's key is known."""
    values = reading.values
    if key in values:
        key = code
    if value[1] > 0:
        value = (value[0] * 10 ** value[1], 0)
    values[key] = value
    reading.codes[key] = code
    reading.units[key] = unit
    return key


def complete(
    reading: "Reading", rows: "dict[str, Row]", plans: "dict[tuple[object, ...], Any]"
) -> list[tuple[str, str, str, int]]:
    """Adds what follows from the values and is missing: totals from parts, the signed power.

    Gives what it added, as a list of arguments for combine(). rows and plans are the Context's.
    """
    values = reading.values
    added = []
    for total, first, second in _TOTALS:
        if total not in values and first in values and second in values:
            added.append(_add(reading, total, first, second, 1))
    for total in _BY_TARIFF:
        if total not in values and (
            total[:-1] + "1" in values or total[:-1] + "11" in values or total in rows
        ):
            from .tariffs import parts  # most meters send their totals

            keys, changed = parts(values, total, reading.meter, rows)
            if changed:
                plans.clear()  # they were made before this
            for key in keys[1:]:
                first = total if total in values else keys[0]
                added.append(_add(reading, total, first, key, 1))
    if "1.7.0" not in values and "2.7.0" not in values and "16.7.0" not in values:
        if "21.7.0" in values or "36.7.0" in values:
            from .phases import sums  # most meters send the sum

            for total, plus, minus in sums(values):
                added.append(_add(reading, total, plus[0], plus[1], 1))
                added += [_add(reading, total, total, key, 1) for key in plus[2:]]
                added += [_add(reading, total, total, key, -1) for key in minus]
    elif "16.7.0" not in values and "1.7.0" in values:
        if "2.7.0" in values:
            added.append(_add(reading, "16.7.0", "1.7.0", "2.7.0", -1))
        elif reading.meter[1:4] == _SIGNED:
            added.append(_add(reading, "16.7.0", "1.7.0", "1.7.0", 0))
    return added


# The maker in the ids of EasyMeter's, whose 1.7.0 is negative where energy flows out.
_SIGNED = "ESY"

# Reactive totals from quadrants: Q+ is QI + QII, Q- is QIII + QIV (table 7, 3 and 4).
_TOTALS = (
    ("3.8.0", "5.8.0", "6.8.0"),
    ("4.8.0", "7.8.0", "8.8.0"),
    ("3.7.0", "5.7.0", "6.7.0"),
    ("4.7.0", "7.7.0", "8.7.0"),
)
_BY_TARIFF = ("1.8.0", "2.8.0", "3.8.0", "4.8.0")


def _add(
    reading: "Reading", key: str, first: str, second: str, sign: int
) -> tuple[str, str, str, int]:
    combine(reading.values, key, first, second, sign)
    code = reading.codes[first]
    reading.codes[key] = code[: code.find(":") + 1] + key
    reading.units[key] = reading.units[first]
    return key, first, second, sign


def combine(
    values: dict[str, tuple[int, int]], key: str, first: str, second: str, sign: int
) -> None:
    """Sets values[key] to the sum of two values, with sign -1 to their difference, with 0 to
    the first."""
    a, a_exponent = values[first]
    b, b_exponent = values[second]
    if a_exponent == b_exponent:
        values[key] = (a + sign * b, a_exponent)
        return
    exponent = min(a_exponent, b_exponent)
    a *= 10 ** (a_exponent - exponent)
    b *= 10 ** (b_exponent - exponent)
    values[key] = (a + sign * b, exponent)
