"""Forms of the P1 port: the Netherlands, Belgium, the Nordics, Luxembourg, Austria and others."""

from __future__ import annotations

from .p1 import Entry, Line, P1Form

PHASES = ("21.7.0", "41.7.0", "61.7.0", "22.7.0", "42.7.0", "62.7.0")
REACTIVE_PHASES = ("23.7.0", "43.7.0", "63.7.0", "24.7.0", "44.7.0", "64.7.0")
VOLTAGES = ("32.7.0", "52.7.0", "72.7.0")
CURRENTS = ("31.7.0", "51.7.0", "71.7.0")
TARIFFS = ("1.8.1", "1.8.2", "2.8.1", "2.8.2")


def every(digits: int, decimals: int, unit: str, *codes: str) -> tuple[Line, ...]:
    return tuple(Line("1-0:" + code, digits, decimals, unit) for code in codes)


FAILURES: tuple[Entry, ...] = (
    "0-0:96.7.21(00013)",
    "0-0:96.7.9(00000)",
    "1-0:99.97.0(2)(0-0:96.7.19)(101208152415W)(0000000240*s)(101208151004W)(0000000301*s)",
    *(f"1-0:{c}.32.0(00000)" for c in (32, 52, 72)),
    *(f"1-0:{c}.36.0(00000)" for c in (32, 52, 72)),
)
GAS = (
    "0-1:24.1.0(003)",
    "0-1:96.1.0({hex})",
    "0-1:24.2.1({quarter})(00107.123*m3)",
)

DSMR_2: tuple[Entry, ...] = (
    "0-0:96.1.1({hex})",
    *every(5, 3, "kWh", *TARIFFS),
    "0-0:96.14.0(0002)",
    *every(4, 2, "kW", "1.7.0", "2.7.0"),
    "0-0:17.0.0(0999.00*kW)",
    "0-0:96.3.10(1)",
    "0-0:96.13.1()",
    "0-0:96.13.0()",
    "0-1:24.1.0(3)",
    "0-1:96.1.0({hex})",
    "0-1:24.3.0(121030140000)(00)(60)(1)(0-1:24.2.1)(m3)",
    "(00024.123)",
    "0-1:24.4.0(1)",
)
DSMR_4: tuple[Entry, ...] = (
    "1-3:0.2.8(42)",
    "0-0:1.0.0({clock})",
    "0-0:96.1.1({hex})",
    *every(6, 3, "kWh", *TARIFFS),
    "0-0:96.14.0(0002)",
    *every(2, 3, "kW", "1.7.0", "2.7.0"),
    "0-0:17.0.0(999.9*kW)",
    "0-0:96.3.10(1)",
    *FAILURES,
    "0-0:96.13.1()",
    "0-0:96.13.0()",
    *every(3, 0, "A", *CURRENTS),
    *every(2, 3, "kW", *PHASES),
    *GAS,
    "0-1:24.4.0(1)",
)
DSMR_5: tuple[Entry, ...] = (
    "1-3:0.2.8(50)",
    "0-0:1.0.0({clock})",
    "0-0:96.1.1({hex})",
    *every(6, 3, "kWh", *TARIFFS),
    "0-0:96.14.0(0002)",
    *every(2, 3, "kW", "1.7.0", "2.7.0"),
    *FAILURES,
    "0-0:96.13.0()",
    *every(3, 1, "V", *VOLTAGES),
    *every(3, 0, "A", *CURRENTS),
    *every(2, 3, "kW", *PHASES),
    *GAS,
    "0-2:24.1.0(003)",
    "0-2:96.1.0()",
    "0-2:24.2.1(632525252525S)(00000.000)",
)
EMUCS: tuple[Entry, ...] = (
    "0-0:96.1.4(50217)",
    "0-0:96.1.1({hex})",
    "0-0:1.0.0({clock})",
    *every(6, 3, "kWh", *TARIFFS),
    "0-0:96.14.0(0001)",
    "1-0:1.4.0(02.351*kW)",
    "1-0:1.6.0(261103113000W)(04.318*kW)",
    "0-0:98.1.0(2)(1-0:1.6.0)(1-0:1.6.0)(261001000000S)(260910183000S)(04.229*kW)"
    "(261101000000W)(632525252525W)(00.000*kW)",
    *every(2, 3, "kW", "1.7.0", "2.7.0", *PHASES),
    *every(3, 1, "V", *VOLTAGES),
    *every(3, 2, "A", *CURRENTS),
    "0-0:96.3.10(1)",
    "0-0:17.0.0(999.9*kW)",
    "1-0:31.4.0(999*A)",
    "0-0:96.13.0()",
    "0-1:24.1.0(003)",
    "0-1:96.1.1({hex})",
    "0-1:24.4.0(1)",
    "0-1:24.2.3({quarter})(00092.287*m3)",
)
NORDIC: tuple[Entry, ...] = (
    "0-0:1.0.0({clock})",
    *every(8, 3, "kWh", "1.8.0", "2.8.0"),
    *every(8, 3, "kVArh", "3.8.0", "4.8.0"),
    *every(4, 3, "kW", "1.7.0", "2.7.0"),
    *every(4, 3, "kVAr", "3.7.0", "4.7.0"),
    *every(4, 3, "kW", *PHASES),
    *every(4, 3, "kVAr", *REACTIVE_PHASES),
    *every(3, 1, "V", *VOLTAGES),
    *every(3, 1, "A", *CURRENTS),
)
HUNGARY: tuple[Entry, ...] = (
    "0-0:1.0.0({clock})",
    "0-0:42.0.0(SAG5{seed:07d})",
    "0-0:96.1.0({hex})",
    "0-0:96.14.0(0001)",
    "0-0:96.50.68(ON)",
    "0-0:17.0.0(90.000*kW)",
    *every(6, 3, "kWh", "1.8.0", "1.8.1", "1.8.2", "2.8.0", "2.8.1", "2.8.2"),
    *every(6, 3, "kvarh", "3.8.0", "4.8.0", "5.8.0", "6.8.0", "7.8.0", "8.8.0"),
    *every(6, 3, "kWh", "15.8.0"),
    *every(3, 1, "V", *VOLTAGES),
    *every(3, 0, "A", *CURRENTS),
    *every(1, 3, "", "13.7.0", "33.7.0", "53.7.0", "73.7.0"),
    *every(2, 2, "Hz", "14.7.0"),
    *every(2, 3, "kW", "1.7.0", "2.7.0"),
    *every(2, 3, "kvar", "5.7.0", "6.7.0", "7.7.0", "8.7.0"),
    "0-0:96.13.0()",
)
LITHUANIA: tuple[Entry, ...] = (
    "0-0:96.1.4(50217)",
    "0-0:96.1.1({hex})",
    "0-0:1.0.0({clock})",
    *every(8, 3, "kWh", "1.8.0", "1.8.1", "1.8.2", "1.8.3", "1.8.4"),
    *every(8, 3, "kWh", "2.8.0", "2.8.1", "2.8.2", "2.8.3", "2.8.4"),
    *every(8, 3, "kvarh", "3.8.0", "4.8.0"),
    *every(2, 3, "kW", "1.7.0", "2.7.0", *PHASES),
    *every(3, 1, "V", *VOLTAGES),
    *every(3, 2, "A", *CURRENTS),
)
LUXEMBOURG: tuple[Entry, ...] = (
    "1-3:0.2.8(42)",
    "0-0:1.0.0({clock})",
    "0-0:42.0.0({hex})",
    *every(6, 3, "kWh", "1.8.0", "2.8.0"),
    *every(6, 3, "kvarh", "3.8.0", "4.8.0"),
    *every(2, 3, "kW", "1.7.0", "2.7.0"),
    *every(2, 3, "kvar", "3.7.0", "4.7.0"),
    "0-0:17.0.0(069.0*kVA)",
    *every(2, 3, "kVA", "9.7.0", "10.7.0"),
    "1-1:31.4.0(100*A)(-063*A)",
    "0-0:96.3.10(1)",
    "0-1:96.3.10(0)",
    "0-0:96.7.21(00099)",
    "0-0:96.13.0()",
    *every(3, 1, "V", *VOLTAGES),
    *every(3, 0, "A", *CURRENTS),
    *every(2, 3, "kW", *PHASES),
    *every(2, 3, "kvar", *REACTIVE_PHASES),
    *GAS,
    "0-2:24.1.0(007)",
    "0-2:96.1.0()",
    "0-2:24.2.1(632525252525S)(00000.000)",
)
STEIERMARK: tuple[Entry, ...] = (
    "1-3:0.2.8(50)",
    "0-0:1.0.0({clock})",
    *every(9, 0, "Wh", "1.8.0", "1.8.1", "1.8.2"),
    *every(9, 0, "W", "1.7.0"),
    *every(9, 0, "Wh", "2.8.0", "2.8.1", "2.8.2"),
    *every(9, 0, "W", "2.7.0"),
    *every(9, 0, "varh", "3.8.0", "3.8.1", "3.8.2"),
    *every(9, 0, "var", "3.7.0"),
    *every(9, 0, "varh", "4.8.0", "4.8.1", "4.8.2"),
    *every(9, 0, "var", "4.7.0"),
)
POLAND: tuple[Entry, ...] = (
    "0-0:1.0.0({clock})",
    *every(6, 3, "kWh", "1.8.0", "1.8.1", "1.8.2", "1.8.3", "1.8.4"),
    *every(6, 3, "kWh", "2.8.0", "2.8.1", "2.8.2", "2.8.3", "2.8.4"),
    *every(2, 3, "kW", "1.7.0", "2.7.0"),
    "0-0:96.13.0()",
    "0-0:96.1.0({hex})",
    "0-0:17.0.0(16500)",
    "0-0:94.98.31(00000)",
)

PORT = {"link": "p1", "baud": 115200, "inverted": True}

P1 = (
    P1Form(
        name="dsmr-2.2",
        about="DSMR 2.2: no CRC, no time, gas on two lines",
        link="p1",
        baud=9600,
        frame="7E1",
        interval=10,
        inverted=True,
        ident="ISk5\\2MT382-1004",
        lines=DSMR_2,
        checksum="none",
        timed=False,
    ),
    P1Form(
        name="dsmr-4",
        about="DSMR 4.2",
        interval=10,
        ident="KFM5KAIFA-METER",
        lines=DSMR_4,
        **PORT,
    ),
    P1Form(
        name="dsmr-5",
        about="DSMR 5.0: every second, an empty gas channel",
        interval=1,
        ident="ISk5\\2MT382-1000",
        lines=DSMR_5,
        **PORT,
    ),
    P1Form(
        name="emucs",
        about="eMUCS-P1 of Belgium: peaks of the months, currents of 0.01 A",
        interval=1,
        ident="FLU5\\253769484_A",
        lines=EMUCS,
        **PORT,
    ),
    P1Form(
        name="p1-sweden",
        about="Swedish H1: standard time all year, no id of the meter",
        interval=10,
        ident="ADN9 6534",
        lines=NORDIC,
        summer_time=False,
        **PORT,
    ),
    P1Form(
        name="p1-denmark",
        about="NES of Denmark: another way to write the time",
        interval=10,
        ident="NES5:83335-3E",
        lines=NORDIC,
        clock_text="%Y%m%d %H:%M:%S",
        **PORT,
    ),
    P1Form(
        name="p1-hungary",
        about="P1 of E.ON Hungary: quadrants, power factors, frequency",
        interval=10,
        ident="SAG5SAG-METER",
        lines=HUNGARY,
        **PORT,
    ),
    P1Form(
        name="p1-lithuania",
        about="P1 of ESO Lithuania: four tariffs, reactive energy",
        interval=10,
        ident="ISK5\\2M550T-1013",
        lines=LITHUANIA,
        **PORT,
    ),
    P1Form(
        name="p1-slovenia",
        about="Iskraemeco AM550 of Slovenia with text: seven data bits, no CRC",
        link="p1",
        baud=115200,
        frame="7E1",
        interval=10,
        inverted=True,
        ident="ISK5\\2M550T-2012",
        lines=LITHUANIA,
        checksum="none",
    ),
    P1Form(
        name="p1-luxembourg",
        about="Smarty of Luxembourg: the whole text ciphered",
        interval=10,
        ident="Lux5\\253694471_M",
        lines=LUXEMBOURG,
        wrap="general",
        system_title=b"SAGgp",
        **PORT,
    ),
    P1Form(
        name="p1-steiermark",
        about="Sagemcom T210-D-r of Energienetze Steiermark: the whole text ciphered, in Wh and W",
        interval=5,
        ident="EST5\\253710000_A",
        lines=STEIERMARK,
        wrap="general",
        system_title=b"SAG5\x00",
        **PORT,
    ),
    P1Form(
        name="p1-poland",
        about="Stoen of Poland: lines ciphered behind a plain identification, constant counter",
        interval=10,
        ident="EGM5G15",
        lines=POLAND,
        wrap="block",
        **PORT,
    ),
)
