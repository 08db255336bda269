"""Units as data lines write them (P1, IEC 62056-21), and what a Reading has instead.

A unit here is (name, power of ten), so that 1.5 kWh becomes 1500 Wh without a float.
"""

_NAMES = ("W", "Wh", "VA", "VAh", "var", "varh", "V", "A", "Hz", "J")
_PREFIXES = (("", 0), ("k", 3), ("m", 6), ("g", 9))

# In lower case, because meters differ in it: kVArh, kvarh, kwh.
BY_TEXT = {
    "m3": ("m3", 0),
    "dm3": ("m3", -3),
    "m3/h": ("m3/h", 0),
    "m3ph": ("m3/h", 0),
    "s": ("s", 0),
    "h": ("h", 0),
    "deg": ("deg", 0),
    "c": ("degC", 0),
    "%": ("%", 0),
}
for _name in _NAMES:
    for _prefix, _power in _PREFIXES:
        BY_TEXT[_prefix + _name.lower()] = (_name, _power)
BY_TEXT["ma"] = ("A", -3)  # no meter counts megaamperes or megavolts
BY_TEXT["mv"] = ("V", -3)
