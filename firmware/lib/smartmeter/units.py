"""Units as meters name them, and as a Reading has them: W, var, VA, Wh, varh, VAh, V, A, Hz, m3 ...

A unit here is (name, power of ten), so that 1.5 kWh becomes 1500 Wh without a float.
"""

# IEC 62056-6-2, table 4: the enumeration that DLMS and SML send. Others give a bare number.
BY_NUMBER = {
    7: "s",
    8: "deg",
    9: "degC",
    13: "m3",
    14: "m3",
    15: "m3/h",
    16: "m3/h",
    19: "l",
    25: "J",
    27: "W",
    28: "VA",
    29: "var",
    30: "Wh",
    31: "VAh",
    32: "varh",
    33: "A",
    35: "V",
    44: "Hz",
    56: "%",
}

# As written in the data lines of P1 and IEC 62056-21, in lower case: meters differ in the case.
_BASE = {
    "w": "W",
    "wh": "Wh",
    "va": "VA",
    "vah": "VAh",
    "var": "var",
    "varh": "varh",
    "v": "V",
    "a": "A",
    "hz": "Hz",
    "j": "J",
}
_PREFIX = (("", 0), ("k", 3), ("m", 6), ("g", 9))
BY_TEXT = {}
for _name, _unit in _BASE.items():
    for _letter, _power in _PREFIX:
        BY_TEXT[_letter + _name] = (_unit, _power)
BY_TEXT.update(
    {
        "ma": ("A", -3),  # no meter at a house counts megaamperes or megavolts
        "mv": ("V", -3),
        "m3": ("m3", 0),
        "dm3": ("m3", -3),
        "l": ("l", 0),
        "m3/h": ("m3/h", 0),
        "m3ph": ("m3/h", 0),
        "s": ("s", 0),
        "h": ("h", 0),
        "deg": ("deg", 0),
        "c": ("degC", 0),
        "%": ("%", 0),
    }
)
