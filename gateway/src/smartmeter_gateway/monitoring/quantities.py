"""What consumers know of a value: its field, its title and its unit.

The one table behind the state topic, Home Assistant, the metrics and the documentation.
"""

import re
from functools import lru_cache
from typing import NamedTuple

from smartmeter.reading import ELECTRICITY
from smartmeter.wire.values import unit_of_key

# Unit on the wire: unit for consumers, the power of ten from the one to the other, and the end of
# the field's name.
UNITS = {
    "W": ("W", 0, "_w"),
    "Wh": ("kWh", -3, "_kwh"),
    "var": ("var", 0, "_var"),
    "varh": ("kvarh", -3, "_kvarh"),
    "VA": ("VA", 0, "_va"),
    "VAh": ("kVAh", -3, "_kvah"),
    "V": ("V", 0, "_v"),
    "A": ("A", 0, "_a"),
    "Hz": ("Hz", 0, "_hz"),
    "m3": ("m³", 0, "_m3"),
    "m3/h": ("m³/h", 0, "_m3_per_h"),
    "J": ("MJ", -6, "_mj"),
    "J/h": ("J/h", 0, "_j_per_h"),
    "degC": ("°C", 0, "_celsius"),
    "K": ("K", 0, "_kelvin"),
    "": ("", 0, ""),
}

# C.D.E of electricity: field without its unit, title.
ELECTRIC = {
    "16.7.0": ("power", "Power"),
    "1.7.0": ("power_import", "Power import"),
    "2.7.0": ("power_export", "Power export"),
    "1.8.0": ("energy_import", "Energy import"),
    "2.8.0": ("energy_export", "Energy export"),
    "16.8.0": ("energy_net", "Energy net"),
    "1.4.0": ("power_import_average", "Power import average"),
    "2.4.0": ("power_export_average", "Power export average"),
    "1.6.0": ("power_import_peak", "Power import peak of the month"),
    "2.6.0": ("power_export_peak", "Power export peak of the month"),
    "3.7.0": ("reactive_power_import", "Reactive power import"),
    "4.7.0": ("reactive_power_export", "Reactive power export"),
    "3.8.0": ("reactive_energy_import", "Reactive energy import"),
    "4.8.0": ("reactive_energy_export", "Reactive energy export"),
    "5.8.0": ("reactive_energy_q1", "Reactive energy quadrant 1"),
    "6.8.0": ("reactive_energy_q2", "Reactive energy quadrant 2"),
    "7.8.0": ("reactive_energy_q3", "Reactive energy quadrant 3"),
    "8.8.0": ("reactive_energy_q4", "Reactive energy quadrant 4"),
    "9.7.0": ("apparent_power_import", "Apparent power import"),
    "10.7.0": ("apparent_power_export", "Apparent power export"),
    "9.8.0": ("apparent_energy_import", "Apparent energy import"),
    "10.8.0": ("apparent_energy_export", "Apparent energy export"),
    "11.7.0": ("current", "Current"),
    "12.7.0": ("voltage", "Voltage"),
    "13.7.0": ("power_factor", "Power factor"),
    "14.7.0": ("frequency", "Frequency"),
    "91.7.0": ("current_neutral", "Current neutral"),
    "96.14.0": ("tariff", "Tariff"),
    "96.7.21": ("power_failures", "Power failures"),
    "96.7.9": ("long_power_failures", "Long power failures"),
}
# The same per tariff (E from 1) and per phase (C from 20 on: L1, from 40 on: L2, from 60 on: L3).
_BY_TARIFF = {"1.8": "energy_import", "2.8": "energy_export"}
_TARIFFS = range(1, 10)
_BY_PHASE = {
    (1, 7): "power_import",
    (2, 7): "power_export",
    (16, 7): "power",
    (1, 8): "energy_import",
    (2, 8): "energy_export",
    (3, 7): "reactive_power_import",
    (4, 7): "reactive_power_export",
    (9, 7): "apparent_power_import",
    (10, 7): "apparent_power_export",
    (11, 7): "current",
    (12, 7): "voltage",
    (13, 7): "power_factor",
    (12, 32): "voltage_sags",
    (12, 36): "voltage_swells",
}


def _titled(field: str) -> str:
    return field[0].upper() + field[1:].replace("_", " ")


for _code, _field in _BY_TARIFF.items():
    for _n in _TARIFFS:
        ELECTRIC[f"{_code}.{_n}"] = f"{_field}_tariff_{_n}", f"{_titled(_field)} tariff {_n}"
for (_c, _d), _field in _BY_PHASE.items():
    for _n in (1, 2, 3):
        ELECTRIC[f"{_c + 20 * _n}.{_d}.0"] = f"{_field}_l{_n}", f"{_titled(_field)} L{_n}"

# A sub-meter's medium and unit on the wire: field without its unit, title.
SUBMETERS = {
    ("gas", "m3"): ("gas", "Gas"),
    ("water", "m3"): ("water", "Water"),
    ("heat", "J"): ("heat", "Heat"),
    ("heat", "Wh"): ("heat", "Heat"),
    ("heat", "m3"): ("heating_water", "Heating water"),
    ("cooling", "J"): ("cooling", "Cooling"),
    ("cooling", "Wh"): ("cooling", "Cooling"),
    ("cooling", "m3"): ("cooling_water", "Cooling water"),
    ("electricity", "Wh"): ("energy_import", "Energy import"),
}
# Codes in full of meters that measure no electricity: field without its unit, title.
OTHER_MEDIA = {
    "6-0:6.8.0": ("heat", "Heat"),
    "6-0:6.26.0": ("heating_water", "Heating water"),
    "7-0:3.0.0": ("gas", "Gas"),
    "7-0:3.2.0": ("gas_base", "Gas at base conditions"),
    "7-0:43.15.0": ("gas_flow", "Gas flow"),
    "8-0:1.0.0": ("water", "Water"),
    "8-0:2.0.0": ("water_flow", "Water flow"),
    "9-0:1.0.0": ("hot_water", "Hot water"),
    "9-0:2.0.0": ("hot_water_flow", "Hot water flow"),
}
for _head, _energy, _word in (("6-0:", "heat", "heating"), ("5-0:", "cooling", "cooling")):
    for _n in range(10):
        _of = f"_tariff_{_n}" if _n else ""
        OTHER_MEDIA[f"{_head}1.0.{_n}"] = _energy + _of, _titled(_energy + _of)
        OTHER_MEDIA[f"{_head}2.0.{_n}"] = f"{_word}_water{_of}", _titled(f"{_word}_water{_of}")
    for _code, _field in (
        ("8.0.0", "power"),
        ("9.0.0", "flow"),
        ("10.0.0", "flow_temperature"),
        ("11.0.0", "return_temperature"),
        ("12.0.0", "temperature_difference"),
    ):
        OTHER_MEDIA[_head + _code] = f"{_word}_{_field}", _titled(f"{_word}_{_field}")
_COUNTED = ("Wh", "varh", "VAh", "m3", "J")  # units of totals
_COUNTS = ("power_failures", "long_power_failures", "voltage_sags", "voltage_swells")


class Quantity(NamedTuple):
    """What a code means. The value for consumers is the wire's times 10 ** exponent.

    field: its name in the state topic, with the unit at its end; title: for people, in English;
    unit: for consumers, "" if it has none; wire_unit: in readings; total: it only grows.
    """

    code: str
    field: str
    title: str
    unit: str
    wire_unit: str
    exponent: int
    total: bool


@lru_cache(2000)
def quantity(code: str, medium: str | None = None, unit: str = "") -> Quantity:
    """A value's meaning, by its code C.D.E or A-B:C.D.E in a reading.

    medium: a sub-meter's, or None; unit: as the reading names it, or "" for that of the code.
    A code that is in no table keeps its digits: obis_96_50_0.
    """
    wire_unit = unit or unit_of_key(code)
    if code in OTHER_MEDIA:
        field, title = OTHER_MEDIA[code]
    elif medium and ":" not in code and (medium, wire_unit) in SUBMETERS:
        field, title = SUBMETERS[medium, wire_unit]
    elif medium in (None, ELECTRICITY) and code in ELECTRIC:
        field, title = ELECTRIC[code]
    else:
        field, title = "obis_" + re.sub(r"\D", "_", code), f"OBIS {code}"
    shown, exponent, suffix = UNITS.get(wire_unit, ("", 0, ""))
    total = wire_unit in _COUNTED or field.startswith(_COUNTS)
    return Quantity(code, field + suffix, title, shown, wire_unit, exponent, total)
