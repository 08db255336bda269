"""The meter families are what the core reads, and docs/meters says just that."""

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from smartmeter import Reading, Receiver
from smartmeter.dialog.line_search import SETTINGS
from smartmeter.meters import families, zone_names
from smartmeter.meters.families import FAMILIES, Family
from smartmeter.meters.profiles import names
from smartmeter.reading import decimal
from smartmeter.receiver import LINKS

from tools.documents import meter_pages
from tools.documents.opening import OPENING
from tools.meters import forms
from tools.meters.household import Household

BEGIN = datetime(2026, 11, 22, 20, 10, 5, tzinfo=UTC)
SUMMER = datetime(2026, 7, 5, 20, 10, 5, tzinfo=UTC)

# Virtual meters of each family: a form, or a form and what is different in this family's.
FORMS: dict[str, tuple[Any, ...]] = {
    "at-ksm-west": ("kaifa-ma309", "kaifa-ma110"),
    "at-netz-noe-kaifa": ("kaifa-noe",),
    "at-netz-noe-sagemcom": ("sagemcom-t210", "sagemcom-t210-old"),
    "at-amis": ("amis",),
    "at-wiener-netze-landis-gyr": ("landis-gyr-e450-wien",),
    "at-wiener-netze-siemens": (("landis-gyr-e450-wien", {"system_title": b"SMSgp"}),),
    "at-wiener-netze-iskraemeco": (("landis-gyr-e450-wien", {"system_title": b"ISKit"}),),
    "at-kaernten-siemens": ("siemens-im350",),
    "at-kaernten-iskraemeco": ("iskra-am550-at",),
    "at-burgenland": ("landis-gyr-e450-burgenland",),
    "at-steiermark-sagemcom": ("p1-steiermark",),
    "at-steiermark-landis-gyr": ("landis-gyr-e450-at",),
    "at-klagenfurt": ("landis-gyr-e450",),
    "be-emucs": ("emucs",),
    "ch-landis-gyr-e450": ("landis-gyr-e450", "landis-gyr-e450-ekz"),
    "ch-landis-gyr-e360": ("landis-gyr-e360",),
    "ch-landis-gyr-e570": ("landis-gyr-e570",),
    "ch-iskraemeco-am550": ("iskra-am550-ch", "iskra-am550-scaled"),
    "ch-kamstrup": ("kamstrup-se",),
    "ch-siemens-td3511": ("iec-readout-td3511",),
    "cy-landis-gyr": (("landis-gyr-e450-ekz", {"zone": "Asia/Nicosia"}),),
    "cz-egd": ("egd-rs485",),
    "cz-pre": ("zpa-am375",),
    "de-sml": ("sml", "sml-emh", "sml-easymeter", "sml-odd-widths", "sml-locked"),
    "de-sml-holley": ("sml-kermit",),
    "de-sml-dzg": ("sml-dzg",),
    "de-d0-push": ("iec-push",),
    "de-d0-sign-on": ("iec-readout", "iec-mode-a"),
    "dk-kamstrup": ("kamstrup-dk", "kamstrup-bornholm"),
    "dk-p1": ("p1-denmark",),
    "ee-p1": ("p1-estonia",),
    "fi-kamstrup": (("kamstrup-se", {"zone": "Europe/Helsinki"}),),
    "fi-p1": ("p1-finland",),
    "fr-linky": ("linky-standard", "linky-producer"),
    "fr-historical": ("linky-historical", "linky-historical-tempo"),
    "hr-iskraemeco-ie5": ("iskra-ie5",),
    "hu-eon": ("p1-hungary",),
    "il-kaifa": ("p1-israel",),
    "lt-eso": ("p1-lithuania",),
    "lu-smarty": ("p1-luxembourg",),
    "nl-dsmr-2": ("dsmr-2.2", "dsmr-3"),
    "nl-dsmr-4": ("dsmr-4",),
    "nl-dsmr-5": ("dsmr-5",),
    "no-aidon": ("aidon-no",),
    "no-kaifa": ("kaifa-no",),
    "no-kamstrup": ("kamstrup-no", "kamstrup-no-one-phase"),
    "no-landis-gyr": ("landis-gyr-e350-no",),
    "pl-stoen": ("p1-poland",),
    "se-h1": ("p1-sweden",),
    "se-aidon": ("aidon-se",),
    "se-kaifa": ("kaifa-se",),
    "se-kamstrup": ("kamstrup-se",),
    "si-iskraemeco": ("iskra-am550-si",),
    "si-landis-gyr": ("landis-gyr-e450-si",),
    "si-iskraemeco-text": ("p1-slovenia",),
    "mbus-polled": ("mbus-polled", "mbus-polled-tariffs"),
    "mbus-polled-media": ("mbus-polled-heat", "mbus-polled-water"),
    "heat-sign-on": ("iec-readout-heat",),
    "heat-kamstrup": ("kmp-heat",),
}
# Telegrams as some converters hand them on, of no meter's own line.
NO_FAMILY = {
    "apdu-notification",
    "apdu-glo",
    "apdu-ded",
    "wrapper-notification",
    "wrapper-glo",
}

CASES = [
    (family, *(form if isinstance(form, tuple) else (form, {})))
    for family in FAMILIES
    for form in FORMS.get(family.id, ())
]


def by_id(case: Any) -> str | None:
    return getattr(case, "id", case if isinstance(case, str) else "")


def test_every_family_has_a_virtual_meter_and_every_virtual_meter_a_family() -> None:
    assert [family.id for family in FAMILIES] == list(FORMS)
    assert {name for _, name, _ in CASES} == set(forms.FORMS) - NO_FAMILY


@pytest.mark.parametrize("family", FAMILIES, ids=by_id)
def test_a_family_s_words_mean_something(family: Family) -> None:
    assert family.profile in names()
    assert family.link in LINKS
    assert family.wiring
    dialog_sets_line = family.answer in (families.SIGN_ON, families.KMP)
    assert family.line is None or family.line in SETTINGS or dialog_sets_line
    if family.line:
        # the opto-coupler of a P1 port turns the levels round, and no other port does
        assert family.line[4] == (family.port == families.P1)


@pytest.mark.parametrize("begin", [BEGIN, SUMMER], ids=("winter", "summer"))
@pytest.mark.parametrize(("family", "name", "options"), CASES, ids=by_id)
def test_a_virtual_meter_of_the_family_is_read_to_its_truth(
    family: Family, name: str, options: dict[str, Any], begin: datetime
) -> None:
    form = forms.get(name)
    if family.line:
        baud, bits, parity, stop, _ = family.line
        assert (form.baud, form.frame) == (baud, f"{bits}{parity}{stop}")
    assert form.interactive == bool(family.answer)
    key = auth_key = None
    if family.keys == families.NO_KEY:
        assert not form.ciphered
    elif form.ciphered:
        key = forms.default_key(name)
        if family.keys in (families.BOTH, families.TAGGED):
            assert form.tagged
            auth_key = forms.default_auth_key(name)
    else:
        assert family.keys in (families.OPERATOR, families.TAGGED)
    meter = forms.make(name, Household(5), **options)
    telegrams = [meter.telegram(begin + timedelta(seconds=10 * n)) for n in range(2)]
    zone = zone_names.setting(family.zone) if family.zone else None
    for link, profile in ((None, None), (family.link, None), (None, family.profile)):
        receiver = Receiver(key, auth_key, link, profile, zone)
        events = [event for wire, _ in telegrams for event in receiver.feed(wire)]
        events += receiver.flush()
        assert len(events) == len(telegrams), (link, profile, events)
        for event, (_, truth) in zip(events, telegrams, strict=True):
            assert isinstance(event, Reading), event
            values: Any = truth["values"]
            found = {code: Decimal(decimal(event.values[code])) for code in values}
            assert found == {code: Decimal(str(value)) for code, value in values.items()}
            told = "unverified" if form.tagged else "none"
            assert event.auth == ("verified" if auth_key else told)
            if form.zoned:
                assert event.time == truth["time"]


def test_the_pages_are_what_the_families_say(repository: Path) -> None:
    pages = meter_pages.pages()
    for path, text in pages.items():
        assert path.read_text(encoding="utf-8") == text, "run python -m tools.documents.meter_pages"
    check = subprocess.run(
        [sys.executable, "-m", "tools.documents.meter_pages", "--check"], cwd=repository
    )
    assert check.returncode == 0
    written = set((repository / "docs" / "meters").iterdir())
    assert written == {path for path in pages if path.parent.name == "meters"}


@pytest.mark.parametrize("family", FAMILIES, ids=by_id)
def test_a_family_is_on_its_country_s_page_and_in_the_table(
    repository: Path, family: Family
) -> None:
    docs = repository / "docs"
    page = (docs / "meters" / f"{family.country.lower() or 'any'}.md").read_text(encoding="utf-8")
    for said in (f"### {family.meters}", family.wiring, family.keys, f"`{family.id}`"):
        assert said in page
    assert f"| {family.meters} |" in (docs / "meters.md").read_text(encoding="utf-8")
    assert f"(docs/meters/{family.country.lower() or 'any'}.md)" in (
        repository / "README.md"
    ).read_text(encoding="utf-8")


def test_each_country_says_how_to_open_the_port() -> None:
    assert set(OPENING) == {family.country for family in FAMILIES}


def test_no_part_of_the_chain_loads_the_families(repository: Path) -> None:
    core = repository / "firmware"
    for path in core.rglob("*.py"):
        if path.name != "families.py":
            assert "families" not in path.read_text(encoding="utf-8"), path
