"""Forms of meters that speak IEC 62056-21, AMIS, or answer an M-Bus master."""

from __future__ import annotations

from .amis import AmisForm
from .en13757 import HEAT, WATER, PolledForm, Record
from .iec62056 import IecForm
from .kmp import KmpForm, Register
from .p1 import Entry, Line

PHASES = (1, 2, 3)


def sets(digits: int, decimals: int, unit: str, *codes: str) -> tuple[Line, ...]:
    return tuple(Line(code, digits, decimals, unit) for code in codes)


EASYMETER: tuple[Entry, ...] = (
    "1-0:0.0.0*255(13360{seed:07d})",
    *sets(8, 7, "kWh", "1-0:1.8.0*255"),
    *sets(6, 2, "W", "1-0:21.7.0*255", "1-0:41.7.0*255", "1-0:61.7.0*255", "1-0:1.7.0*255"),
    "1-0:96.5.5*255(80)",
    "0-0:96.1.255*255(1ESY133{seed:07d})",
)
ZMD120: tuple[Entry, ...] = (
    "F.F(00000000)",
    "0.0.0( {seed:05d})",
    *sets(6, 1, "kWh", "1.8.1", "1.8.2", "2.8.1", "2.8.2", "1.8.0", "2.8.0"),
)
TD3511: tuple[Entry, ...] = (
    "0.0.0(110{seed:06d})",
    *sets(0, 3, "kWh", "1.8.0", "1.8.1", "1.8.2", "2.8.0", "2.8.1", "2.8.2"),
    *sets(0, 3, "kvarh", "3.8.1", "3.8.2", "4.8.1", "4.8.2"),
    "0.9.1(%H:%M:%S)",
    "0.9.2(%y-%m-%d)",
    *sets(0, 3, "kW", "1.7.0", "2.7.0"),
    *sets(0, 3, "kvar", "3.7.0", "4.7.0"),
    *sets(0, 2, "Hz", "14.7"),
    *sets(0, 1, "V", "32.7", "52.7", "72.7"),
    *sets(0, 2, "A", "31.7", "51.7", "71.7"),
    "81.7.4(-80.7*Deg)",
)
COMMA: tuple[Entry, ...] = (
    "0.0.0({seed:08d})",
    *(Line(code, 6, 2, "kWh", comma=True) for code in ("1.8.0", "2.8.0")),
    *(Line(code, 3, 1, "V", comma=True) for code in ("32.7", "52.7", "72.7")),
    "C.5.0(00)",
)
MC66: tuple[Entry, ...] = (
    "0.0({seed:011d})",
    *sets(5, 2, "GJ", "6.8"),
    *sets(5, 2, "m3", "6.26"),
    *sets(7, 0, "h", "6.31"),
)

OPTICAL = {"link": "iec62056", "frame": "7E1"}

IEC = (
    IecForm(
        name="iec-push",
        about="EasyMeter Q3D: pushes its data sets (mode D), totals of seven decimals",
        baud=9600,
        interval=2,
        ident="ESYQ3DA1004 V3.04",
        lines=EASYMETER,
        **OPTICAL,
    ),
    IecForm(
        name="iec-readout",
        about="Landis+Gyr ZMD120: sign-on at 300 Bd, then 9600 (mode C)",
        baud=300,
        mode="C",
        rate="5",
        ident="LGZZMD120APt.G03",
        lines=ZMD120,
        **OPTICAL,
    ),
    IecForm(
        name="iec-readout-td3511",
        about="Siemens TD-3511: sign-on at 300 Bd, then 19200 (mode C), many momentary values",
        baud=300,
        mode="C",
        rate="6",
        ident="SAM\\2TD-3511",
        lines=TD3511,
        timed=True,
        **OPTICAL,
    ),
    IecForm(
        name="iec-mode-a",
        about="sign-on and readout at 300 Bd (mode A); decimal commas, several sets in a line",
        baud=300,
        mode="A",
        ident="ABC METER 1",
        lines=COMMA,
        per_line=3,
        end_on_last=True,
        **OPTICAL,
    ),
    IecForm(
        name="iec-readout-heat",
        about="Kamstrup MC 66 heat meter: sign-on and readout at 300 Bd (mode A)",
        baud=300,
        mode="A",
        ident="KAM MC",
        lines=MC66,
        end_on_last=True,
        **OPTICAL,
    ),
)

AMIS = (
    AmisForm(
        name="amis",
        about="Siemens TD-351x of Netz Oberoesterreich: AES-CBC, each telegram needs an answer",
        link="amis",
        baud=9600,
        frame="8E1",
        interval=1,
    ),
)

POLLED = (
    PolledForm(
        name="mbus-polled",
        about="M-Bus electricity meter, binary records, phases by the standard's extensions",
        link="mbus-poll",
        baud=2400,
        frame="8E1",
        with_time=True,
        records=(
            Record("04", "03", "1.8.0", 0),
            Record("04", "833c", "2.8.0", 0),
            Record("04", "2b", "1.7.0", 0),
            Record("04", "ab3c", "2.7.0", 0),
            *(Record("02", f"fdc8fc{n:02x}", f"{20 * n + 12}.7.0", -1) for n in PHASES),
            *(Record("04", f"fdd9fc{n:02x}", f"{20 * n + 11}.7.0", -3) for n in PHASES),
            *(Record("04", f"abfc{n:02x}", f"{20 * n + 1}.7.0", 0) for n in PHASES),
            Record("02", "fb2d", "14.7.0", -2),
        ),
    ),
    PolledForm(
        name="mbus-polled-tariffs",
        about="M-Bus electricity meter, decimal totals per tariff, phases in its maker's way",
        link="mbus-poll",
        baud=2400,
        frame="8E1",
        maker="SBC",
        serial=500_023,
        records=(
            Record("8c10", "04", "1.8.1", 1),
            Record("8c20", "04", "1.8.2", 1),
            *(Record("02", f"fdc9ff{n:02x}", f"{20 * n + 12}.7.0", 0) for n in PHASES),
            *(Record("02", f"fddbff{n:02x}", f"{20 * n + 11}.7.0", -1) for n in PHASES),
            *(Record("02", f"acff{n:02x}", f"{20 * n + 16}.7.0", 1) for n in PHASES),
            Record("02", "acff00", "16.7.0", 1),
        ),
    ),
    PolledForm(
        name="mbus-polled-heat",
        about="M-Bus heat meter: energy in J, volume, power, flow, temperatures",
        link="mbus-poll",
        baud=2400,
        frame="8E1",
        maker="KAM",
        serial=66_031,
        kind=HEAT,
        with_time=True,
        records=(
            Record("04", "0e", "6-0:1.0.0", 6),
            Record("04", "14", "6-0:2.0.0", -2),
            Record("02", "2d", "6-0:8.0.0", 2),
            Record("02", "3b", "6-0:9.0.0", -3),
            Record("02", "59", "6-0:10.0.0", -2),
            Record("02", "5d", "6-0:11.0.0", -2),
            Record("02", "61", "6-0:12.0.0", -2),
        ),
    ),
    PolledForm(
        name="mbus-polled-water",
        about="M-Bus water meter: volume in decimal digits, flow",
        link="mbus-poll",
        baud=2400,
        frame="8E1",
        maker="ELS",
        serial=8_404_211,
        kind=WATER,
        with_time=True,
        records=(
            "0c7811428408",  # fabrication number
            Record("0c", "13", "8-0:1.0.0", -3),
            Record("02", "3b", "8-0:2.0.0", -3),
            "4c1300250300",  # the volume of the last set day, and which day it was
            "426cff2c",
            "02fd170000",  # error flags
        ),
    ),
)

KMP = (
    KmpForm(
        name="kmp-heat",
        about="Kamstrup MULTICAL heat meter on its infrared eye: asked for registers (KMP)",
        link="kmp",
        baud=1200,
        frame="8N2",
        registers=(
            Register(60, "6-0:1.0.0", 8, -2, 9),  # GJ
            Register(68, "6-0:2.0.0", 40, -2, 0),  # m3
            Register(80, "6-0:8.0.0", 22, -1, 3),  # kW
            Register(74, "6-0:9.0.0", 41, 0, -3),  # l/h
            Register(86, "6-0:10.0.0", 37, -2, 0),
            Register(87, "6-0:11.0.0", 37, -2, 0),
            Register(89, "6-0:12.0.0", 38, -2, 0),
        ),
    ),
)
