"""Forms of Swiss meters: HDLC, block transfer, lists with descriptors."""

from __future__ import annotations

from .dlms import (
    CURRENTS,
    ENERGIES,
    POWERS,
    REACTIVE_ENERGIES,
    VOLTAGES,
    DlmsForm,
    every,
    octets,
)
from .lists import ClockForm, Item

UNSPECIFIED = ClockForm(deviation=False)
UNSPECIFIED_PLAIN = ClockForm(deviation=False, status=0)


def push_setup(instance: int) -> tuple[Item, ...]:
    """The two entries that name the push setup itself: its object list and its logical name."""
    code = f"0-{instance}:25.9.0"
    return (Item(code, "null", count=2), Item(code, "setup", count=1))


VSE_2026 = (
    *push_setup(8),
    octets("0-0:42.0.0", "LGZ103065{seed:07d}"),
    octets("0-0:96.1.1", "{seed:07d}"),
    Item("0-0:1.0.0", "clock"),
    *every("u32", 0, "1-1:", *ENERGIES, *REACTIVE_ENERGIES),
    *every("u32", 0, "1-0:", *POWERS),
    *every("u16", 0, "1-0:", *VOLTAGES),
    *every("u16", -2, "1-0:", *CURRENTS),
)

SWITZERLAND = (
    DlmsForm(
        name="landis-gyr-e450",
        about="Landis+Gyr E450, block transfer, the 12 values of the Swiss industry's list",
        link="gbt",
        baud=2400,
        frame="8E1",
        interval=5,
        system_title=b"LGZgs",
        security=0x30,
        ber="82",
        destination=b"\xce\xff",
        source=b"\x03",
        lists={"all": (5, VSE_2026)},
        layout="d",
        scalers=False,
        clock_form=UNSPECIFIED,
        notification_clock=UNSPECIFIED_PLAIN,
    ),
)
