"""What OBIS codes mean, in words (IEC 62056-61; DSMR 5.0.2 P1 for the codes of medium 0)."""

# Group C of electricity: 1 to 20 for all phases, plus 20, 40 and 60 for L1, L2 and L3.
_POWERS = {
    1: ("active", "import (A+)"),
    2: ("active", "export (A-)"),
    3: ("reactive", "import (R+)"),
    4: ("reactive", "export (R-)"),
    5: ("reactive", "quadrant I"),
    6: ("reactive", "quadrant II"),
    7: ("reactive", "quadrant III"),
    8: ("reactive", "quadrant IV"),
    9: ("apparent", "import (S+)"),
    10: ("apparent", "export (S-)"),
    15: ("active", "import and export added"),
    16: ("active", "import less export"),
}
_OTHERS = {11: "current", 12: "voltage", 13: "power factor", 14: "frequency"}
_PHASES = ("", " of L1", " of L2", " of L3")

_AVERAGES = {
    4: "average of the running period, ",
    5: "average of the last period, ",
    6: "maximum of the averages, ",
    14: "average of the running period, ",
    24: "average, ",
}
_QUALITY = {32: "voltage sags", 36: "voltage swells", 33: "last voltage sag", 37: "last swell"}

# Those of medium 0 and 1 that follow no rule, without A and B.
_FIXED = {
    "0.0.5": "number of the measuring point",
    "0.9.1": "time of the clock",
    "0.9.2": "date of the clock",
    "0.2.0": "firmware",
    "0.2.8": "version of the interface",
    "0.2.129": "name of the list",
    "1.0.0": "clock",
    "1.128.0": "energy balance for charging (Inkasso)",
    "17.0.0": "threshold of the power limiter",
    "25.9.0": "push setup",
    "31.4.0": "threshold of the fuse",
    "42.0.0": "logical device name",
    "94.31.1": "threshold of the current limiter",
    "96.1.0": "serial number",
    "96.1.1": "serial number or type",
    "96.1.2": "identification",
    "96.1.3": "identification",
    "96.1.4": "version of the interface",
    "96.1.7": "type of the meter",
    "96.1.255": "serial number",
    "96.3.10": "switch",
    "96.5.0": "state of the meter",
    "96.7.9": "long power failures, count",
    "96.7.19": "power failures, count",
    "96.7.21": "power failures, count",
    "96.13.0": "message",
    "96.13.1": "message code",
    "96.14.0": "tariff in force",
    "99.97.0": "log of power failures",
    "98.1.0": "maxima of the last months",
}
_OTHER_MEDIA = {
    "24.1.0": "kind of the attached meter",
    "24.2.1": "counter of the attached meter (gas, water or heat)",
    "24.2.3": "counter of the attached meter, not corrected",
    "24.3.0": "counter of the attached meter (gas, water or heat)",
    "24.4.0": "valve or switch of the attached meter",
    "96.1.0": "serial number of the attached meter",
    "96.1.1": "serial number of the attached meter",
    "96.1.2": "identification of the attached meter",
}
# C.D.E of heat and cooling, as M-Bus meters' values are named, and as heat meters write them.
_THERMAL = {
    "1.0.0": "energy",
    "2.0.0": "volume",
    "8.0.0": "power",
    "9.0.0": "flow",
    "10.0.0": "flow temperature",
    "11.0.0": "return temperature",
    "12.0.0": "difference of the temperatures",
    "6.8.0": "energy",
    "6.26.0": "volume",
    "6.31.0": "hours of operation",
}
_OF_MEDIA = {
    "7": {"3.0.0": "volume", "3.2.0": "volume at base conditions", "43.15.0": "flow"},
    "8": {"1.0.0": "volume", "2.0.0": "flow"},
    "9": {"1.0.0": "volume", "2.0.0": "flow"},
    "5": _THERMAL,
    "6": _THERMAL,
}
_MEDIA = {"4": "heat cost", "5": "cooling", "6": "heat", "7": "gas", "8": "water", "9": "hot water"}


def name_of(code: str) -> str:
    """The meaning of "A-B:C.D.E" in words, "" if it is not known here; E may be left out."""
    medium, _, key = code.partition(":")
    a, _, b = medium.partition("-")
    if a in _MEDIA:
        quantity = _OF_MEDIA.get(a, {}).get(key)
        return f"{_MEDIA[a]}: {quantity}" if quantity else f"{_MEDIA[a]} meter's value"
    if key.startswith("C.1"):
        return "number of the meter"
    groups = [*key.split("."), "0"][:3]
    if not all(group.isdecimal() for group in groups) or len(groups) < 3:
        return ""
    c, d, e = (int(group) for group in groups)
    key = f"{c}.{d}.{e}"
    if key in _OTHER_MEDIA and b != "0" and a == "0":
        return _OTHER_MEDIA[key]
    if key in _FIXED:
        return _FIXED[key]
    if c == d == 0:
        return "number of the meter"
    if a != "1":
        return ""
    if c in (91, 92) and d == 7:
        return f"{'current' if c == 91 else 'voltage'} of the neutral"
    if c == 81 and d == 7:
        return "phase angle"
    if not 1 <= c <= 80:
        return ""
    phase = _PHASES[(c - 1) // 20]
    c = (c - 1) % 20 + 1
    if d in _QUALITY and c == 12:
        return _QUALITY[d] + phase
    return _electricity(c, d, e, phase)


def _electricity(c: int, d: int, e: int, phase: str) -> str:
    if c in _OTHERS:
        return _AVERAGES.get(d, "") + _OTHERS[c] + phase if d == 7 or d in _AVERAGES else ""
    if c not in _POWERS:
        return ""
    kind, direction = _POWERS[c]
    if d in (8, 9, 29):
        tariff = f", tariff {e}" if e else ", total"
        span = {8: "", 9: " since midnight or reset", 29: " of the period"}[d]
        return f"{kind} energy {direction}{phase}{tariff}{span}"
    if d == 7:
        return f"{kind} power {direction}{phase}"
    return f"{_AVERAGES[d]}{kind} power {direction}{phase}" if d in _AVERAGES else ""
