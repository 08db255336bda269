"""What follows from the values of one telegram: totals of which a meter sends only the parts."""

# total: its parts. Q+ is quadrants I and II, Q- is III and IV (IEC 62056-61, figure 5).
_QUADRANTS = (("3.8.0", "5.8.0", "6.8.0"), ("4.8.0", "7.8.0", "8.8.0"))
_ENERGIES = ("1.8.", "2.8.", "3.8.", "4.8.")
_TARIFFS_MAX = 9


def complete(reading):
    """Adds 16.7.0 = 1.7.0 - 2.7.0, 3.8.0 and 4.8.0 from their quadrants, and x.8.0 as the sum of
    its tariffs: each only where the telegram lacks it and has all of its parts."""
    values = reading.values
    if "16.7.0" not in values and "1.7.0" in values and "2.7.0" in values:
        mantissa, exponent = values["2.7.0"]
        _put(reading, "16.7.0", "1.7.0", add(values["1.7.0"], (-mantissa, exponent)))
    for energy in _ENERGIES:
        if energy + "0" not in values and energy + "1" in values and energy + "2" in values:
            total = values[energy + "1"]
            for tariff in range(2, _TARIFFS_MAX + 1):
                part = values.get(energy + str(tariff))
                if part is None:
                    break
                total = add(total, part)
            _put(reading, energy + "0", energy + "1", total)
    for total, first, second in _QUADRANTS:
        if total not in values and first in values and second in values:
            _put(reading, total, first, add(values[first], values[second]))


def _put(reading, key, like, value):
    reading.values[key] = value
    reading.units[key] = reading.units[like]
    code = reading.codes[like]
    reading.codes[key] = code[: code.find(":") + 1] + key


def add(a, b):
    """The exact sum of two (mantissa, exponent)."""
    if a[1] > b[1]:
        a, b = b, a
    return a[0] + b[0] * 10 ** (b[1] - a[1]), a[1]
