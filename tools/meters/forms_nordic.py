"""Forms of Nordic meters on HDLC: Aidon, Kaifa, Kamstrup, Landis+Gyr; and bare APDUs."""

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
    visible,
)
from .lists import ClockForm, Item

# Nordic clocks keep standard time all year and do not say so
NORDIC = ClockForm(deviation=False)
HOUR = 3600
# Kamstrup's types; the scale of energy goes with the country in them
ONE_PHASE, BORNHOLM, SWEDEN = "6861111BN242101040", "6841138BN243101010", "6841131BN245101092"


def phase_powers(kinds: str) -> list[str]:
    """Powers of the three phases, phase by phase. kinds: "1" P+, "2" P-, "3" Q+, "4" Q-."""
    return [f"{tens}{kind}.7.0" for tens in "246" for kind in kinds]


AIDON_IDS = (
    visible("1-1:0.2.129", "AIDON_V0001"),
    visible("0-0:96.1.0", "73599928{seed:08d}"),
    visible("0-0:96.1.7", "6534"),
)
AIDON_POWERS = (
    *every("u32", 0, "1-0:", *POWERS, *REACTIVE),
    *every("i16", -1, "1-0:", *CURRENTS),
    *every("u16", -1, "1-0:", *VOLTAGES),
)
AIDON_2 = (*AIDON_IDS, *AIDON_POWERS)
AIDON_3 = (
    *AIDON_2,
    Item("0-0:1.0.0", "clock"),
    *every("u32", 1, "1-0:", *ENERGIES, *REACTIVE_ENERGIES),
)
AIDON_1 = every("u32", 0, "1-0:", "1.7.0")
AIDON_SE = (
    Item("0-0:1.0.0", "clock"),
    *AIDON_POWERS,
    *every("u32", 0, "1-0:", *phase_powers("1234")),
    *every("u32", 0, "1-0:", *ENERGIES, *REACTIVE_ENERGIES),
)
EMBRIQ_2 = (
    visible("1-1:0.2.129", "EMBRIQ_V1_1"),
    visible("0-0:96.1.0", "1{seed:07d}\0\0\0\0\0\0\0\0"),
    visible("0-0:96.1.7", "ZFF1"),
    *every("u32", 0, "1-0:", *POWERS, *REACTIVE),
    *every("i16", -2, "1-0:", *CURRENTS),
    *every("u16", -1, "1-0:", *VOLTAGES),
)
EMBRIQ_3 = (
    *EMBRIQ_2,
    Item("0-0:1.0.0", "clock"),
    *every("u32", 0, "1-0:", *ENERGIES, *REACTIVE_ENERGIES),
)


def kaifa_no(phases: int, energies: bool, energy: str = "u32") -> tuple[Item, ...]:
    """List 2 or 3 (with energies): values by position."""
    return (
        octets("1-1:0.2.129", "KFM_001"),
        octets("0-0:96.1.0", "69706314{seed:08d}"),
        octets("0-0:96.1.7", "MA304H3E" if phases == 3 else "MA105H2E"),
        *every("u32", 0, "1-0:", *POWERS, *REACTIVE),
        *every("u32", -3, "1-0:", *CURRENTS[:phases]),
        *every("u32", -1, "1-0:", *VOLTAGES[:phases]),
        *((Item("0-0:1.0.0", "clock"),) if energies else ()),
        *(every(energy, 0, "1-0:", *ENERGIES, *REACTIVE_ENERGIES) if energies else ()),
    )


KAIFA_SE = (
    octets("1-0:0.2.129", "KFM_001"),
    octets("0-0:96.1.0", "73401570{seed:08d}"),
    octets("0-0:96.1.7", "MA304H4"),
    *every("u32", 0, "1-0:", *POWERS, *REACTIVE),
    *every("u32", -3, "1-0:", *CURRENTS),
    *every("u32", -1, "1-0:", *VOLTAGES),
    Item("0-0:1.0.0", "clock"),
    *every("u32", 0, "1-0:", *ENERGIES, *REACTIVE_ENERGIES),
)


def kamstrup(
    volt: int, energy: int | None, phases: int = 3, model: str = "6841131BN243101040"
) -> tuple[Item, ...]:
    """A HAN-NVE list; with an energy exponent the hourly one. Missing phases are null-data."""
    missing = (Item("0-0:0.0.0", "null"),) * (3 - phases)
    return (
        visible("1-1:0.2.129", "Kamstrup_V0001", bare=True),
        visible("1-1:0.0.5", "57065673{seed:08d}"),
        visible("1-1:96.1.1", model),
        *every("u32", 0, "1-1:", *POWERS, *REACTIVE),
        *every("u32", -2, "1-1:", *CURRENTS[:phases]),
        *missing,
        *every("u16", volt, "1-1:", *VOLTAGES[:phases]),
        *missing,
        *((Item("0-1:1.0.0", "clock"),) if energy is not None else ()),
        *(
            every("u32", energy, "1-1:", *ENERGIES, *REACTIVE_ENERGIES)
            if energy is not None
            else ()
        ),
    )


KAMSTRUP_DK = (
    visible("1-1:0.2.129", "Kamstrup_V0001", bare=True),
    *every("u32", 0, "1-1:", *ENERGIES, *REACTIVE_ENERGIES),
    Item("1-1:0.0.1", "u32", count=12_343_400, fixed=True),  # the meter's number
    *every("u32", 0, "1-1:", *POWERS, *REACTIVE),
    Item("0-1:1.0.0", "clock"),
    *every("u16", 0, "1-1:", *VOLTAGES),
    *every("u32", -2, "1-1:", *CURRENTS),
    *every("u32", 0, "1-1:", "21.7.0", "41.7.0", "61.7.0"),
    *every("u16", -2, "1-1:", "33.7.0", "53.7.0", "73.7.0", "13.7.0"),
    *every("u32", 0, "1-1:", "22.7.0", "42.7.0", "62.7.0"),
    *every("u32", 0, "1-1:", "22.8.0", "42.8.0", "62.8.0"),
    *every("u32", 0, "1-1:", "21.8.0", "41.8.0", "61.8.0"),
)

AIDON = {"source": b"\x08\x83", "destination": b"\x41", "invoke_id": 0x40000000}
KAIFA = {"control": 0x10, "destination": b"\x01", "invoke_id": 0x40000000}
KAMSTRUP = {"destination": b"\x2b", "source": b"\x21", "invoke_id": 0}
HAN = {"baud": 2400, "summer_time": False, "clock_form": NORDIC, "link": "hdlc"}

NORDIC_FORMS = (
    DlmsForm(
        name="aidon-no",
        about="Aidon of Norway: power every 2.5 s, more every 10 s, totals every hour",
        frame="8E1",
        interval=2.5,
        lists={"1": (2.5, AIDON_1), "2": (10, AIDON_2), "3": (HOUR, AIDON_3)},
        layout="a",
        outer="array",
        time_form="null",
        **HAN,
        **AIDON,
    ),
    DlmsForm(
        name="aidon-se",
        about="Aidon of Sweden: 26 values every 10 s",
        frame="8E1",
        interval=10,
        lists={"all": (10, AIDON_SE)},
        layout="a",
        outer="array",
        time_form="null",
        **HAN,
        **AIDON,
    ),
    DlmsForm(
        name="landis-gyr-e350-no",
        about="Landis+Gyr E350 (EMBRIQ) of Norway",
        frame="8E1",
        interval=2.5,
        lists={"1": (2.5, AIDON_1), "2": (10, EMBRIQ_2), "3": (HOUR, EMBRIQ_3)},
        layout="a",
        outer="array",
        time_form="null",
        **HAN,
        **AIDON,
    ),
    DlmsForm(
        name="kaifa-no",
        about="Kaifa MA304 of Norway: lists 1 to 3 by position",
        frame="8E1",
        interval=2,
        lists={
            "1": (2, AIDON_1),
            "2": (10, kaifa_no(3, False)),
            "3": (HOUR, kaifa_no(3, True)),
            "2-one-phase": (0, kaifa_no(1, False)),
            "3-one-phase": (0, kaifa_no(1, True)),
            "3-ct": (0, kaifa_no(3, True, "u64")),
        },
        layout="e",
        time_form="octets",
        source=b"\x02\x01",
        **HAN,
        **KAIFA,
    ),
    DlmsForm(
        name="kaifa-se",
        about="Kaifa MA304H4 of Sweden: codes and values without scalers",
        frame="8E1",
        interval=10,
        lists={"all": (10, KAIFA_SE)},
        layout="c",
        time_form="null",
        source=b"\x00\x01",
        baud=2400,
        link="hdlc",
        summer_time=False,
        **KAIFA,
    ),
    DlmsForm(
        name="kamstrup-no",
        about="Kamstrup Omnipower, HAN-NVE list: totals every hour in 10 Wh",
        interval=10,
        lists={"2": (10, kamstrup(0, None)), "3": (HOUR, kamstrup(0, 1))},
        layout="c",
        **HAN,
        **KAMSTRUP,
    ),
    DlmsForm(
        name="kamstrup-no-one-phase",
        about="Kamstrup Omnipower with one phase: null-data where the others would be",
        interval=10,
        lists={
            "2": (10, kamstrup(0, None, 1, ONE_PHASE)),
            "3": (HOUR, kamstrup(0, 1, 1, ONE_PHASE)),
        },
        layout="c",
        **HAN,
        **KAMSTRUP,
    ),
    DlmsForm(
        name="kamstrup-se",
        about="Kamstrup Omnipower of Sweden: totals every hour in Wh",
        interval=10,
        lists={"2": (10, kamstrup(0, None, 3, SWEDEN)), "3": (HOUR, kamstrup(0, 0, 3, SWEDEN))},
        layout="c",
        **HAN,
        **KAMSTRUP,
    ),
    DlmsForm(
        name="kamstrup-bornholm",
        about="Kamstrup Omnipower of Denmark whose firmware sends voltages in 0.01 V",
        interval=10,
        system_title=b"KAME",
        security=0x30,
        lists={
            "2": (10, kamstrup(-2, None, 3, BORNHOLM)),
            "3": (HOUR, kamstrup(-2, 0, 3, BORNHOLM)),
        },
        layout="c",
        destination=b"\x41",
        source=b"\x03",
        invoke_id=0,
        **HAN,
    ),
    DlmsForm(
        name="kamstrup-dk",
        about="Kamstrup Omnipower of Denmark: 65 items, encrypted with a tag",
        interval=10,
        system_title=b"KAME",
        security=0x30,
        ber="82",
        lists={"all": (10, KAMSTRUP_DK)},
        layout="c",
        destination=b"\x41",
        source=b"\x03",
        invoke_id=0,
        **HAN,
    ),
)

APDUS = (
    DlmsForm(
        name="apdu-notification",
        about="a bare data-notification (0F), no link layer",
        link="apdu",
        baud=9600,
        interval=5,
        lists={"all": (5, AIDON_SE)},
        layout="a",
        outer="array",
    ),
    DlmsForm(
        name="apdu-glo",
        about="a bare general-glo-ciphering APDU (DB), no link layer",
        link="apdu",
        baud=9600,
        interval=5,
        system_title=b"KFMgP",
        security=0x30,
        lists={"all": (5, AIDON_SE)},
        layout="a",
    ),
    DlmsForm(
        name="apdu-ded",
        about="a bare general-ded-ciphering APDU (DF), no link layer",
        link="apdu",
        baud=9600,
        interval=5,
        system_title=b"KFMgP",
        security=0x30,
        ded=True,
        lists={"all": (5, AIDON_SE)},
        layout="a",
    ),
)
WRAPPED = (
    DlmsForm(
        name="wrapper-notification",
        about="a data-notification in the wrapper of TCP, from a converter",
        link="wrapper",
        baud=9600,
        interval=5,
        lists={"all": (5, AIDON_SE)},
        layout="a",
        outer="array",
    ),
    DlmsForm(
        name="wrapper-glo",
        about="an encrypted APDU in the wrapper of TCP, from a converter",
        link="wrapper",
        baud=9600,
        interval=5,
        system_title=b"KFMgP",
        security=0x30,
        lists={"all": (5, AIDON_SE)},
        layout="a",
    ),
)
