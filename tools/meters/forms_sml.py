"""Forms of German meters that speak SML."""

from __future__ import annotations

from .sml import Entry, SmlForm

IMPORT, EXPORT, POWER = "1-0:1.8.0", "1-0:2.8.0", "1-0:16.7.0"
PHASE_POWERS = ("1-0:36.7.0", "1-0:56.7.0", "1-0:76.7.0")
VOLTAGES = ("1-0:32.7.0", "1-0:52.7.0", "1-0:72.7.0")
CURRENTS = ("1-0:31.7.0", "1-0:51.7.0", "1-0:71.7.0")
PORT = {"link": "sml", "baud": 9600, "interval": 1}


def unsigned(exponent: int, width: int, *codes: str) -> tuple[Entry, ...]:
    return tuple(Entry(code, exponent, width, signed=False) for code in codes)


def signed(exponent: int, width: int, *codes: str) -> tuple[Entry, ...]:
    return tuple(Entry(code, exponent, width) for code in codes)


MODERN = (
    Entry(IMPORT, -1, 8, signed=False, status=True),
    *unsigned(-1, 8, EXPORT),
    *signed(0, 4, POWER, *PHASE_POWERS),
    *unsigned(-1, 2, *VOLTAGES),
    *unsigned(-2, 2, *CURRENTS),
    *unsigned(-1, 2, "1-0:14.7.0"),
)

SML = (
    SmlForm(
        name="sml",
        about="modern German meter, opened with its PIN: totals, power, U, I, frequency",
        entries=MODERN,
        **PORT,
    ),
    SmlForm(
        name="sml-emh",
        about="EMH ED300L: totals per tariff of five bytes, power of 0.1 W, a public key",
        entries=(
            Entry(IMPORT, -1, 5, status=True),
            *signed(-1, 5, EXPORT, "1-0:1.8.1", "1-0:1.8.2"),
            *signed(-1, 4, POWER),
        ),
        public_key=True,
        **PORT,
    ),
    SmlForm(
        name="sml-easymeter",
        about="EasyMeter Q3A: 64-bit integers, totals of 0.0001 Wh",
        manufacturer="ESY",
        entries=(
            Entry(IMPORT, -4, 8, status=True),
            *signed(-4, 8, EXPORT),
            *signed(-2, 8, POWER, *PHASE_POWERS),
            *unsigned(-1, 2, *VOLTAGES),
        ),
        public_key=True,
        **PORT,
    ),
    SmlForm(
        name="sml-odd-widths",
        about="integers of as few bytes as needed, three and five among them, signed",
        manufacturer="ISK",
        entries=(
            *signed(-1, 0, IMPORT, EXPORT),
            *signed(-2, 0, POWER, *PHASE_POWERS),
            *unsigned(-1, 0, *VOLTAGES),
        ),
        integers="short",
        value_time=True,
        escapes=True,
        **PORT,
    ),
    SmlForm(
        name="sml-kermit",
        about="Holley DTZ541, whose CRCs are Kermit's",
        manufacturer="HLY",
        entries=MODERN,
        checksum="kermit",
        **PORT,
    ),
    SmlForm(
        name="sml-dzg",
        about="DZG DVS74, which writes positive power without a sign bit into a signed type",
        manufacturer="DZG",
        serial=42_000_000,
        entries=(
            *unsigned(-1, 4, IMPORT, EXPORT),
            *signed(-2, 0, POWER),
        ),
        unsigned_quirk=True,
        **PORT,
    ),
    SmlForm(
        name="sml-locked",
        about="a meter locked by its PIN: totals in whole kWh and no power",
        manufacturer="EBZ",
        entries=unsigned(3, 4, IMPORT, EXPORT),
        **PORT,
    ),
)
