"""Forms of Austrian meters: wired M-Bus, HDLC, and block transfer, all ciphered."""

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
from .lists import Item

KSM_WEST = (
    Item("0-0:1.0.0", "clock", bare=True),
    octets("0-0:96.1.0", "1KFM020{seed:07d}"),
    octets("0-0:42.0.0", "KFM120020{seed:07d}"),
    *every("u16", -1, "1-0:", *VOLTAGES),
    *every("u16", -2, "1-0:", *CURRENTS),
    *every("u32", 0, "1-0:", *POWERS, *ENERGIES, *REACTIVE_ENERGIES),
)

AUSTRIA = (
    DlmsForm(
        name="kaifa-ma309",
        about="Kaifa MA309M, 12 values (Tirol, Salzburg, Vorarlberg)",
        link="mbus",
        baud=2400,
        frame="8E1",
        interval=5,
        system_title=b"KFM\x10\x20",
        security=0x21,
        ber="82",
        lists={"all": (5, KSM_WEST)},
        layout="a",
    ),
)
