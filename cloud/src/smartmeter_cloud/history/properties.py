"""The operational properties a reading may have: every OBIS code that meters are known to send.

The specification names a property such as OBIS_1.8.0. Other codes are stored and returned as well,
but without a unit.
"""

from typing import NamedTuple

from smartmeter_cloud.store.rows import PROPERTY_PREFIX


class Property(NamedTuple):
    code: str  # OBIS C.D.E, IEC 62056-61
    unit: str
    english: str
    german: str
    further: tuple[str, ...] = ()  # units that the same code has at other meters
    text: str | None = None  # what its text says, if it may have one
    is_number: bool = True

    @property
    def units(self) -> list[str]:
        return [self.unit, *self.further] if self.is_number else []

    @property
    def name(self) -> str:
        return PROPERTY_PREFIX + self.code


_QUANTITIES = (
    ("1", "W", "Wh", "Active {} drawn", "Wirk{} Bezug"),
    ("2", "W", "Wh", "Active {} exported", "Wirk{} Einspeisung"),
    ("3", "var", "varh", "Reactive {} +", "Blind{} +"),
    ("4", "var", "varh", "Reactive {} −", "Blind{} −"),
    ("5", "var", "varh", "Reactive {} quadrant I", "Blind{} Quadrant I"),
    ("6", "var", "varh", "Reactive {} quadrant II", "Blind{} Quadrant II"),
    ("7", "var", "varh", "Reactive {} quadrant III", "Blind{} Quadrant III"),
    ("8", "var", "varh", "Reactive {} quadrant IV", "Blind{} Quadrant IV"),
    ("9", "VA", "VAh", "Apparent {} drawn", "Schein{} Bezug"),
    ("10", "VA", "VAh", "Apparent {} exported", "Schein{} Einspeisung"),
)


_BY_PHASE = (
    (1, "W", "Active power imported", "Wirkleistung Bezug"),
    (2, "W", "Active power exported", "Wirkleistung Einspeisung"),
    (3, "var", "Reactive power +", "Blindleistung +"),
    (4, "var", "Reactive power −", "Blindleistung −"),
    (11, "A", "Current", "Strom"),
    (12, "V", "Voltage", "Spannung"),
    (13, "", "Power factor", "Leistungsfaktor"),
    (16, "W", "Active power, import minus export", "Wirkleistung, Saldo"),
)


# Belgium's capacity tariff (eMUCS-P1), and what P1 counts (DSMR 5.0.2 P1).
_FURTHER = (
    ("1.4.0", "W", "Average power of the quarter hour", "Mittlere Leistung der Viertelstunde"),
    ("96.7.21", "", "Power failures", "Stromausfälle"),
    ("96.7.9", "", "Long power failures", "Lange Stromausfälle"),
)

# The same with what their text says; those without a number behind them.
_PEAK = ("1.6.0", "W", "Peak power of the month", "Höchste Leistung des Monats")
_TEXTS = (
    ("96.13.0", "Message", "Nachricht", "a message of the grid operator"),
    ("96.13.1", "Message code", "Nachrichtencode", "a code of the grid operator"),
    (
        *("98.1.0", "Peak power of past months", "Höchste Leistung vergangener Monate"),
        "month's end,time of the peak,W; and so on",
    ),
    (
        *("99.97.0", "Log of long power failures", "Protokoll langer Stromausfälle"),
        "end,seconds; and so on",
    ),
)


# Meters of heat, cooling, gas and water (group A of OBIS, 5 to 9); 6.8 and 6.26 as in EN 1434.
_OTHER_MEDIA: list[tuple[str, str, str, str, tuple[str, ...]]] = [
    *(
        (f"{a}-0:{code}", unit, f"{what[0]}: {english}", f"{what[1]}: {german}", further)
        for a, what in ((6, ("Heat", "Wärme")), (5, ("Cooling", "Kälte")))
        for code, unit, english, german, further in (
            ("1.0.0", "J", "energy", "Energie", ("Wh",)),
            ("2.0.0", "m3", "volume", "Volumen", ()),
            ("8.0.0", "W", "power", "Leistung", ("J/h",)),
            ("9.0.0", "m3/h", "flow", "Durchfluss", ()),
            ("10.0.0", "degC", "flow temperature", "Vorlauftemperatur", ()),
            ("11.0.0", "degC", "return temperature", "Rücklauftemperatur", ()),
            ("12.0.0", "K", "difference of temperatures", "Temperaturdifferenz", ()),
        )
    ),
    ("6-0:6.8.0", "J", "Heat: energy", "Wärme: Energie", ("Wh",)),
    ("6-0:6.26.0", "m3", "Heat: volume", "Wärme: Volumen", ()),
    ("7-0:3.0.0", "m3", "Gas: volume", "Gas: Volumen", ()),
    ("7-0:3.2.0", "m3", "Gas: volume at base conditions", "Gas: Volumen im Normzustand", ()),
    ("7-0:43.15.0", "m3/h", "Gas: flow", "Gas: Durchfluss", ()),
    ("8-0:1.0.0", "m3", "Cold water: volume", "Kaltwasser: Volumen", ()),
    ("8-0:2.0.0", "m3/h", "Cold water: flow", "Kaltwasser: Durchfluss", ()),
    ("9-0:1.0.0", "m3", "Hot water: volume", "Warmwasser: Volumen", ()),
    ("9-0:2.0.0", "m3/h", "Hot water: flow", "Warmwasser: Durchfluss", ()),
]


def _all() -> list[Property]:
    found = []
    for c, now, total, english, german in _QUANTITIES:
        found.append(Property(f"{c}.7.0", now, english.format("power"), german.format("leistung")))
        energy, energie = english.format("energy"), german.format("energie")
        found.append(Property(f"{c}.8.0", total, energy, energie))
        for i in range(1, 5):
            words = f"{energy}, tariff {i}", f"{energie}, Tarif {i}"
            found.append(Property(f"{c}.8.{i}", total, *words))
    found.append(Property("13.7.0", "", "Power factor", "Leistungsfaktor"))
    found.append(Property("14.7.0", "Hz", "Frequency", "Netzfrequenz"))
    found.append(
        Property("16.7.0", "W", "Active power, import minus export", "Wirkleistung, Saldo")
    )
    found.append(
        Property("16.8.0", "Wh", "Active energy, import minus export", "Wirkenergie, Saldo")
    )
    found += [Property(*words) for words in _FURTHER]
    found.append(Property(*_PEAK, text="the time of the peak"))
    found.append(Property("96.14.0", "", "Tariff", "Tarif", text="the tariff, if it has a name"))
    found += [
        Property(code, "", english, german, text=text, is_number=False)
        for code, english, german, text in _TEXTS
    ]
    last = "Last value of a gas, water, heat or other sub-meter", "Letzter Wert eines Subzählers"
    found.append(Property("24.2.1", "m3", *last, ("J", "Wh")))
    last = "Last value of a gas meter, not temperature corrected", "Letzter Wert eines Gaszählers"
    found.append(Property("24.2.3", "m3", *last))
    found += [Property(*words) for words in _OTHER_MEDIA]
    for phase, base in ((1, 20), (2, 40), (3, 60)):
        for d, unit, english, german in _BY_PHASE:
            words = f"{english} in phase L{phase}", f"{german} in Phase L{phase}"
            found.append(Property(f"{base + d}.7.0", unit, *words))
        sags = f"Voltage sags in phase L{phase}", f"Spannungseinbrüche in Phase L{phase}"
        found.append(Property(f"{base + 12}.32.0", "", *sags))
        swells = f"Voltage swells in phase L{phase}", f"Spannungsspitzen in Phase L{phase}"
        found.append(Property(f"{base + 12}.36.0", "", *swells))
    return found


PROPERTIES = tuple(_all())
UNITS = {p.code: p.unit for p in PROPERTIES if not p.further}
