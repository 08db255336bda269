"""Units as data lines write them (P1, IEC 62056-21), and their form in a Reading.

A unit here is (name, power of ten), so that 1.5 kWh becomes 1500 Wh without a float.
"""

# In lower case, because meters differ in it: kVArh, kvarh, kwh.
BY_TEXT = {
    "ma": ("A", -3),
    "mv": ("V", -3),
    "kv": ("V", 3),
    "ka": ("A", 3),
    "khz": ("Hz", 3),
    "mw": ("W", 6),  # no meter counts milliwatts
    "mwh": ("Wh", 6),
    "gwh": ("Wh", 9),
    "mvarh": ("varh", 6),
    "mj": ("J", 6),
    "gj": ("J", 9),
    "m3": ("m3", 0),
    "dm3": ("m3", -3),
    "m3/h": ("m3/h", 0),
    "m3ph": ("m3/h", 0),
    "s": ("s", 0),
    "h": ("h", 0),
    "deg": ("deg", 0),
    "c": ("degC", 0),
    "degc": ("degC", 0),
    "%": ("%", 0),
}
for _name in ("W", "Wh", "VA", "VAh", "var", "varh", "V", "A", "Hz"):
    BY_TEXT[_name.lower()] = (_name, 0)
for _name in ("W", "Wh", "VA", "VAh", "var", "varh"):
    BY_TEXT["k" + _name.lower()] = (_name, 3)


def number_and_unit(text: str) -> "tuple[str, str, str]":
    """(number, mark, unit) of "1.5*kWh".

    Iskraemeco's MT171 writes "1.5 kWh", and some Belgian meters "1.5kWh". For these the mark is "",
    and the unit may only be the end of a text.
    """
    if "*" in text:
        return text.partition("*")
    number, mark, unit = text.strip().partition(" ")
    if not mark:
        unit = number.lstrip("0123456789.,-")
        number = number[: len(number) - len(unit)]
    return number, mark, unit
