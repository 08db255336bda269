"""Forms of Swiss meters and of their neighbours: lists with descriptors, segments and blocks."""

from __future__ import annotations

from .dlms import (
    CURRENTS,
    ENERGIES,
    POWERS,
    REACTIVE,
    REACTIVE_ENERGIES,
    VOLTAGES,
    DlmsForm,
    every,
    octets,
)
from .lists import ClockForm, Item

UNSPECIFIED = ClockForm(deviation=False)
# the notification's own clock says nothing of summer time, the list's clock does
UNSPECIFIED_PLAIN = ClockForm(deviation=False, status=0)
QUADRANTS = ("5.8.0", "6.8.0", "7.8.0", "8.8.0")
TARIFFS = ("1.8.0", "1.8.1", "1.8.2", "2.8.0", "2.8.1", "2.8.2")


def push_setup(instance: int, logical_name: bool = True) -> tuple[Item, ...]:
    """The entries that name the push setup itself: its object list and its logical name."""
    code = f"0-{instance}:25.9.0"
    objects = Item(code, "null", count=2)
    return (objects, Item(code, "setup", count=1)) if logical_name else (objects,)


def vse_2026(quantity: str, energy: str, volt: int, ampere: int) -> tuple[Item, ...]:
    """The Swiss industry's 12 values. quantity, energy: integer kinds; volt, ampere: exponents."""
    power = "u32" if quantity == "u16" else quantity
    return (
        *every(energy, 0, "1-1:", *ENERGIES, *REACTIVE_ENERGIES),
        *every(power, 0, "1-0:", *POWERS),
        *every(quantity, volt, "1-0:", *VOLTAGES),
        *every(quantity, ampere, "1-0:", *CURRENTS),
    )


E450_HEAD = (
    *push_setup(8),
    octets("0-0:42.0.0", "LGZ103065{seed:07d}"),
    octets("0-0:96.1.1", "{seed:07d}"),
    Item("0-0:1.0.0", "clock"),
)
E450_EKZ = (
    *E450_HEAD,
    *every("u32", 0, "1-0:", *POWERS, *REACTIVE),
    *every("u32", 0, "1-1:", *ENERGIES, *QUADRANTS),
    *every("u16", -3, "1-0:", "13.7.0"),
)
E450_QUICK = (
    *push_setup(8),
    octets("0-0:96.1.1", "{seed:07d}"),
    *every("u32", 0, "1-0:", *POWERS),
)
E360 = (
    *push_setup(6, logical_name=False),
    octets("0-0:42.0.0", "LGZ103016{seed:07d}"),
    *vse_2026("u16", "u32", -1, -2),
)
E570 = (
    *push_setup(8, logical_name=False),
    octets("0-0:42.0.0", "LGZ103076{seed:07d}"),
    *vse_2026("i64", "u64", 0, 0),
)
AM550_CH = (
    *push_setup(6),
    octets("0-0:42.0.0", "ISK103077{seed:07d}"),
    octets("0-0:96.1.1", "{seed:07d}"),
    Item("0-0:1.0.0", "clock"),
    *every("u32", 0, "1-1:", *POWERS, *REACTIVE, *TARIFFS),
    *every("u32", 0, "1-1:", *(f"{c}.8.{tariff}" for c in (5, 6, 7, 8) for tariff in (0, 1, 2))),
    *every("u16", -3, "1-0:", "13.7.0"),
)
AM550_SCALED = (
    octets("0-0:96.1.0", "8{seed:07d}"),
    octets("0-0:96.1.1", "16{seed:07d}"),
    *every("u32", 0, "1-0:", *POWERS, *ENERGIES),
    *every("u16", -1, "1-0:", *VOLTAGES),
    *every("u16", -2, "1-0:", *CURRENTS),
    *every("u32", 0, "1-0:", "1.8.1", "1.8.2", "2.8.1", "2.8.2"),
)

# Slovenia
PHASE_POWERS = ("21.7.0", "41.7.0", "61.7.0", "22.7.0", "42.7.0", "62.7.0")
AM550_SI_IDS = (
    octets("0-0:42.0.0", "ISK103078{seed:07d}"),
    octets("0-0:96.1.3", "1{seed:07d}"),
)
AM550_SI_NOW = (
    *AM550_SI_IDS,
    *every("u32", 0, "1-0:", *POWERS, *REACTIVE),
    *every("u16", -1, "1-0:", *VOLTAGES),
    *every("u16", -2, "1-0:", *CURRENTS),
    *every("u32", 0, "1-0:", *PHASE_POWERS),
)
AM550_SI_TOTALS = (
    *AM550_SI_IDS,
    Item("0-0:96.3.10", "bool", count=1),
    octets("0-0:96.14.0", "02"),
    *every("u32", 0, "1-0:", *TARIFFS, *REACTIVE_ENERGIES),
)
AM550_SI_LIGHT = (
    octets("0-0:42.0.0", "ISK103078{seed:07d}"),
    octets("0-0:96.1.2", "UP_3f"),
    *every("u16", -1, "1-0:", *VOLTAGES),
    *every("u16", -2, "1-0:", *CURRENTS),
    *every("u32", 0, "1-0:", *POWERS, *REACTIVE),
)
AM550_SI_SECOND = (
    octets("0-0:42.0.0", "ISK103077{seed:07d}"),
    *every("u32", 0, "1-0:", *POWERS, *TARIFFS),
)
AM550_SI_ONE_PHASE = (
    octets("0-0:42.0.0", "ISK102078{seed:07d}"),
    octets("0-0:96.1.2", "ISK8{seed:07d}"),
    *every("u32", 0, "1-0:", *POWERS, *REACTIVE),
    *every("u16", -1, "1-0:", "32.7.0"),
    *every("u16", -2, "1-0:", "31.7.0"),
    *every("u32", 0, "1-0:", "21.7.0", "22.7.0"),
)
IE5 = (
    octets("0-0:96.1.0", "9{seed:07d}"),
    Item("0-0:1.0.0", "time"),
    Item("0-0:1.0.0", "date"),
    *every("u32", 0, "1-0:", *TARIFFS, *QUADRANTS, *POWERS),
    *every("u16", -3, "1-0:", "13.7.0"),
    *every("u32", 0, "1-0:", *PHASE_POWERS),
    *every("u16", -1, "1-0:", *VOLTAGES),
    *every("u16", -2, "1-0:", *CURRENTS),
    Item("0-0:17.0.0", "u32", count=17250, fixed=True),
    *(Item(f"0-0:94.98.{n}", "array", count=9400) for n in (31, 32, 33)),
    Item("0-0:96.3.10", "bool", count=1),
)

# Czechia
EGD = (
    octets("0-0:42.0.0", "EGD{seed:06d}"),
    octets("0-0:96.1.0", "0{seed:09d}"),
    Item("0-0:96.3.10", "enum", count=1),
    Item("0-0:17.0.0", "u32", fixed=True),
    *(Item(f"0-{n}:96.3.10", "enum", count=n < 3) for n in range(1, 7)),
    octets("0-0:96.14.0", "T3"),
    *every("u32", 0, "1-0:", "1.7.0", "21.7.0", "41.7.0", "61.7.0"),
    *every("u32", 0, "1-0:", "2.7.0", "22.7.0", "42.7.0", "62.7.0"),
    *every("u32", 0, "1-0:", "1.8.0", "1.8.1", "1.8.2", "1.8.3", "1.8.4", "2.8.0"),
    octets("0-0:96.13.0", ""),
)
ZPA = (  # names filled up with zeros
    octets("0-0:96.1.4", "ZPA3HAN00200" + 5 * "\0"),
    Item("0-0:1.0.0", "clock"),
    octets("0-0:96.1.1", "R{seed:06d}" + 9 * "\0"),
    Item("0-0:96.3.10", "enum", count=1),
    Item("0-0:17.0.0", "u64", fixed=True, count=10000),
    *(Item(f"0-{n}:96.3.10", "enum", count=n > 3) for n in range(1, 5)),
    octets("0-0:96.14.0", "T1"),
    *every("u32", 0, "1-0:", "1.7.0", "21.7.0", "41.7.0", "61.7.0"),
    *every("u32", 0, "1-0:", "2.7.0", "22.7.0", "42.7.0", "62.7.0"),
    *every("u64", 0, "1-0:", "1.8.0", "1.8.1", "1.8.2", "2.8.0"),
)
E450_SI = octets("0-0:42.0.0", "LGZ103{seed:010d}")
E450_SI_PHASES = (
    E450_SI,
    *every("u16", -2, "1-0:", "14.7.0", *CURRENTS),
    *every("u16", -1, "1-0:", *VOLTAGES),
    *every("u32", 0, "1-0:", "21.7.0", "41.7.0", "61.7.0", "22.7.0", "42.7.0", "62.7.0"),
)
E450_SI_TOTALS = (
    E450_SI,
    *every("u32", 0, "1-0:", *POWERS, *REACTIVE, *ENERGIES, *REACTIVE_ENERGIES),
)

E450 = {"baud": 2400, "frame": "8E1", "destination": b"\xce\xff", "source": b"\x03"}
E450_CLOCK = {"clock_form": UNSPECIFIED, "notification_clock": UNSPECIFIED_PLAIN}

SWITZERLAND = (
    DlmsForm(
        name="landis-gyr-e450",
        about="Landis+Gyr E450, block transfer, the 12 values of the Swiss industry's list",
        link="gbt",
        interval=5,
        system_title=b"LGZgs",
        security=0x30,
        ber="82",
        lists={"all": (5, (*E450_HEAD, *vse_2026("u16", "u32", 0, -2)))},
        layout="d",
        **E450,
        **E450_CLOCK,
    ),
    DlmsForm(
        name="landis-gyr-e450-ekz",
        about="Landis+Gyr E450 of EKZ, not encrypted, reactive energy by quadrants",
        link="gbt",
        interval=5,
        lists={"all": (60, E450_EKZ), "quick": (5, E450_QUICK)},
        block_bytes=(112, 108, 122),
        layout="d",
        **E450,
        **E450_CLOCK,
    ),
    DlmsForm(
        name="landis-gyr-e360",
        about="Landis+Gyr E360, descriptors in one HDLC frame, voltages of 0.1 V",
        link="hdlc",
        baud=9600,
        interval=5,
        source=b"\x03",
        lists={"all": (5, E360)},
        layout="d",
        clock_form=ClockForm(hundredths=0x12),
    ),
    DlmsForm(
        name="landis-gyr-e570",
        about="Landis+Gyr E570 behind current transformers: 64-bit values in whole A and V",
        link="gbt",
        baud=2400,
        frame="8E1",
        interval=5,
        system_title=b"LGZgt",
        security=0x20,
        ber="82",
        destination=b"\xce\x9b",
        source=b"\x03",
        block_bytes=(116,),
        lists={"all": (5, E570)},
        layout="d",
        clock_form=UNSPECIFIED,
    ),
    DlmsForm(
        name="iskra-am550-ch",
        about="Iskraemeco AM550 of EKZ: segmented HDLC, descriptors, energy per tariff",
        link="hdlc",
        baud=115200,
        interval=5,
        inverted=True,
        info_bytes=154,
        lists={"all": (5, AM550_CH)},
        layout="d",
        clock_form=ClockForm(hundredths=0),
    ),
    DlmsForm(
        name="iskra-am550-scaled",
        about="Iskraemeco AM550: segmented HDLC, structures with scaler and unit",
        link="hdlc",
        baud=115200,
        interval=5,
        inverted=True,
        info_bytes=154,
        lists={"all": (5, AM550_SCALED)},
        layout="a",
        clock_form=ClockForm(hundredths=0),
    ),
    DlmsForm(
        name="iskra-am550-si",
        about="Iskraemeco AM550 of Slovenia: 18 values by position, every 15 minutes totals",
        link="hdlc",
        baud=115200,
        interval=5,
        inverted=True,
        lists={
            "all": (5, AM550_SI_NOW),
            "totals": (900, AM550_SI_TOTALS),
            "light": (0, AM550_SI_LIGHT),
            "second": (0, AM550_SI_SECOND),
            "one-phase": (0, AM550_SI_ONE_PHASE),
        },
        layout="e",
        clock_form=ClockForm(hundredths=0),
    ),
    DlmsForm(
        name="iskra-ie5",
        about="Iskraemeco IE.5 of Croatia: 33 values by position",
        link="hdlc",
        baud=115200,
        interval=10,
        inverted=True,
        lists={"all": (10, IE5)},
        layout="e",
        clock_form=ClockForm(hundredths=0),
    ),
    DlmsForm(
        name="egd-rs485",
        about="Czech EG.D push: bare notifications, codes as untagged bytes",
        link="apdu",
        baud=9600,
        interval=60,
        lists={"all": (60, EGD)},
        layout="f",
        time_form="null",
    ),
    DlmsForm(
        name="zpa-am375",
        about="ZPA AM375 of PRE in Czechia: 22 values by position, the clock's offset turned",
        link="apdu",
        baud=9600,
        interval=60,
        lists={"all": (60, ZPA)},
        layout="e",
        time_form="null",
        clock_form=ClockForm(hundredths=0, turned=True),
    ),
    DlmsForm(
        name="landis-gyr-e450-si",
        about="Landis+Gyr E450 of Slovenia: 14 values by position, and nine with the totals",
        link="hdlc",
        baud=2400,
        interval=5,
        lists={"phases": (5, E450_SI_PHASES), "totals": (60, E450_SI_TOTALS)},
        layout="e",
        clock_form=ClockForm(hundredths=0),
    ),
)
