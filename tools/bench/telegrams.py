"""The telegrams that decoders are timed on: those of the virtual meters, and captured ones.

Captured frames are third-party and read in place, from ../shared beside the repository; where
that is absent the rows made of them are left out.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from tools.meters import forms
from tools.meters.en13757 import PolledForm
from tools.meters.household import Household
from tools.meters.kmp import KmpForm

COUNT = 12  # telegrams of one virtual meter in a row: same layout, other values
BEGIN = datetime(2026, 11, 22, 20, 10, 5, tzinfo=UTC)
CORPUS = Path(__file__).resolve().parents[3] / "shared" / "frames" / "corpus.jsonl"

Values = dict[str, Decimal]


@dataclass
class Telegrams:
    """Wire bytes of one meter's telegrams in their order, and what it takes to read them.

    truth: the values of each by "C.D.E" where the maker of the telegrams says them, else empty.
    """

    name: str
    link: str  # as the forms of tools.meters say it
    wires: list[bytes]
    key: bytes | None = None
    auth_key: bytes | None = None
    ciphered: bool = False
    tagged: bool = False
    truth: list[Values] = field(default_factory=list)

    @property
    def family(self) -> str:
        """ "dlms", "sml", "p1" or the link itself: which decoders can read it."""
        if self.link in ("mbus", "hdlc", "gbt", "apdu", "wrapper"):
            return "dlms"
        return "p1" if self.link.startswith("p1") else self.link


def of_form(name: str, label: str = "", count: int = COUNT, **options: object) -> Telegrams:
    """Telegrams of a virtual meter; options vary its form."""
    meter = forms.make(name, Household(seed=7), **options)
    made = [
        meter.telegram(BEGIN + timedelta(seconds=meter.form.interval * n)) for n in range(count)
    ]
    form = meter.form
    truth = [
        {code: Decimal(str(number)) for code, number in told["values"].items()}  # type: ignore[attr-defined]
        for _, told in made
    ]
    return Telegrams(
        label or name,
        form.link,
        [wire for wire, _ in made],
        meter.key if form.ciphered else None,
        meter.auth_key if form.tagged else None,
        form.ciphered,
        form.tagged,
        truth,
    )


def virtual() -> Iterator[Telegrams]:
    """Those of every form that pushes or answers in binary.

    And the encrypted push over M-Bus with a tag.
    """
    for name, form in forms.FORMS.items():
        if form.interactive and not isinstance(form, PolledForm | KmpForm):
            continue
        yield of_form(name)
        if name == "kaifa-ma309":
            yield of_form(name, f"{name}, SC 30 (tag)", security=0x30)


# id in the corpus: what the row is called
_CAPTURED = {
    "fkw9-1": "Kaifa MA309, EVN",
    "dlmsp-hdlc_kamstrup_omnipower": "Kamstrup Omnipower, ciphered",
    "dlmsp-hdlc_landis_gyr_e450": "L+G E450, block transfer",
    "ams-kaifa-gh493-1": "Kaifa MA304, NO list 2",
    "ams-kamstrup-em001-2": "Kamstrup, NO list 2",
    "dlmsp-hdlc_norway_han_3phase": "Aidon, 27 values",
    "scs-lg-e360-vse2026": "L+G E360, CH push list",
    "sml-ISKRA_MT175_D1A52-V22-K0t": "Iskra MT175",
    "sml-EMH_eHZ-HW8E2A5L0EK2P": "EMH eHZ",
    "sml-EasyMeter_Q3A_A1064V1009": "EasyMeter Q3A",
    "dsmrp-telegram_v5": "DSMR 5, Iskra MT382",
    "dsmrp-telegram_fluvius_v171_alt": "Fluvius",
    "lux-smarty-nexxtlab": "Sagemcom Smarty, encrypted P1",
}
_BLOCKS = ("dlmsp-hdlc_landis_gyr_e450",)
_LINKS = {"dlms-apdu": "apdu", "dsmr-p1": "p1", "dsmr-p1-encrypted": "p1-ciphered"}


def captured() -> Iterator[Telegrams]:
    """Captured frames, one telegram each; none where ../shared is not there."""
    if not CORPUS.exists():
        return
    with CORPUS.open() as lines:
        records = {record["id"]: record for record in map(json.loads, lines)}
    for name, label in _CAPTURED.items():
        record = records.get(name)
        if record is None:
            continue
        link = "gbt" if name in _BLOCKS else _LINKS.get(record["link"], record["link"])
        yield Telegrams(
            f"captured: {label}",
            link,
            [bytes.fromhex(record["hex"])],
            _bytes(record["key_hex"]),
            _bytes(record["auth_key_hex"]),
            bool(record["encrypted"]),
            bool(record["auth_key_hex"]),
        )


def _bytes(text: str | None) -> bytes | None:
    return bytes.fromhex(text) if text else None
