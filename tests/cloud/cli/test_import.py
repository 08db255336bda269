"""The command import, on SQLite and PostgreSQL: repeatable, and never over measured readings."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from smartmeter_cloud.history import energy
from smartmeter_cloud.store.slices import DAY, QUARTER

from tests.cloud.api_process import Site
from tests.cloud.harness import CommandResult, command
from tests.cloud.store.test_rollups import FAR, NOON, at, roll
from tests.cloud.stores import VIENNA, Opens, add, opens
from tests.cloud.web.pages import Page, expect
from tools.environment.postgresql import Postgres

__all__ = ["opens"]


@pytest.fixture(params=["sqlite", "postgresql"])
def config(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """The settings of an empty store in Vienna's time."""
    path = tmp_path / "cloud.toml"
    store = 'path = "smartmeter.sqlite"'
    if request.param == "postgresql":
        postgres: Postgres = request.getfixturevalue("postgres")
        store = f'url = "{postgres.create("imports")}"'
    path.write_text(f'[store]\n{store}\ntime_zone = "Europe/Vienna"\n[http]\nport = 0\n')
    return path


def opens_of(config: Path) -> Opens:
    from smartmeter_cloud.config.settings_file import load_or_home
    from smartmeter_cloud.store.factory import open_store

    return lambda *_: open_store(load_or_home(config).store)  # type: ignore[return-value]


def operators_file(folder: Path, day: datetime, days: int, wh: int = 100) -> Path:
    times = [day + timedelta(minutes=15 * i) for i in range(days * 96)]
    lines = [f"{t:%d.%m.%Y;%H:%M};{t + timedelta(minutes=15):%H:%M};{wh}" for t in times]
    path = folder / "values.csv"
    path.write_text("\n".join(["Datum;von;bis;Verbrauch [Wh]", *lines]) + "\n")
    return path


def imported(config: Path, file: Path, *more: str, meter: str = "m1") -> CommandResult:
    return command("import", str(file), "--config", str(config), "--meter", meter, *more)


def test_history_of_a_grid_operator(config: Path, tmp_path: Path) -> None:
    day = datetime(2026, 9, 1)
    file = operators_file(tmp_path, day, 30)
    done = imported(config, file, "--household", "smith")
    assert (done.status, done.out.splitlines()) == (
        0,
        [
            "imported: 2880 readings of meter m1, from 2026-08-31T22:00:00+00:00 to "
            "2026-09-30T21:45:00+00:00",
            "slices that were rolled up: 2880",
        ],
    )
    assert "2000 of 2880 readings (69 %)" in done.err
    again = imported(config, file)
    assert again.out.splitlines()[:2] == [
        "imported: 0 readings of meter m1, from 2026-08-31T22:00:00+00:00 to "
        "2026-09-30T21:45:00+00:00",
        "already there: 2880",
    ]
    store = opens_of(config)()
    try:
        (meter,) = store.meters()
        assert meter.household == "smith"
        bars, gaps = energy.bars(store.slices("m1", DAY, 0, FAR), None, DAY, VIENNA)
        assert ([bar.drawn for bar in bars], gaps) == ([9600] * 30, [])
        first, *_ = store.readings("m1", (0, -2), FAR, (), (), 5)
        assert (first.clock, first.auth, first.seq, first.offset) == ("import", "none", -1, 120)
        assert (first.suspect, first.values) == (False, {"1.29.0": 100})
        assert any("imported 2880 readings" in what for _, _, what in store.notes(9))
    finally:
        store.close()


def test_measured_readings_stay_and_outages_are_filled(config: Path, tmp_path: Path) -> None:
    store = opens_of(config)()
    outage = 6 * 3600
    try:
        add(store, "m1", *[at(t, 1000 + t / 9) for t in range(0, 3600, 300)])
        later = [at(t, 1000 + t / 9) for t in range(outage, outage + 3600, 300)]
        add(store, "m1", *later)
        roll(store)
        measured = store.readings("m1", (0, -2), FAR, (), (), 100)
        done = imported(config, operators_file(tmp_path, datetime(2026, 9, 22), 1))
        assert "left out, because the meter itself was read at that time: 8" in done.out
        assert "imported: 88 readings" in done.out
        kept = [r for r in store.readings("m1", (0, -2), FAR, (), (), 500) if r.clock == "meter"]
        assert kept == measured
        quarters, gaps = energy.bars(store.slices("m1", QUARTER, 0, FAR), None, QUARTER, VIENNA)
        assert len(quarters) == 96
        filled = [b.drawn for b in quarters if NOON + 3600 <= b.start // 1000 < NOON + outage]
        assert filled == [100] * 20
        assert [round(gap.drawn or 0) for gap in gaps] == [round((outage - 3300) / 9 - 2000)]
    finally:
        store.close()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("nothing.csv", "--meter", "m1"), "nothing.csv cannot be read: No such file"),
        (("values.csv", "--meter", "a b"), "--meter must be 1 to 64 of"),
        (("values.csv", "--meter", "m1-1"), "is an id of a sub-meter"),
        (("values.csv", "--meter", "m1", "--zone", "Mars/Base"), "is not a time zone such as"),
        (("values.csv", "--meter", "m1", "--column", "x"), "'x' is not NAME=VALUE"),
        (("values.csv", "--meter", "m1", "--column", "x=y"), "'x' is not an OBIS code"),
        (("values.csv", "--meter", "m1", "--form", "dsmr-reader"), "not an export of DSMR-reader"),
        (("values.csv", "--meter", "m1", "--form", "home-assistant"), "name the statistic"),
        (("values.csv", "--meter", "m1", "--unit", "V"), "measured in Wh, kWh, MWh, not in 'V'"),
    ],
)
def test_a_mistake_is_one_sentence(
    tmp_path: Path, arguments: tuple[str, ...], sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    config = tmp_path / "cloud.toml"
    config.write_text("[http]\nport = 0\n")
    operators_file(tmp_path, datetime(2026, 9, 1), 1)
    done = command("import", *arguments, "--config", str(config))
    assert done.status == 1
    assert sentence in done.err.splitlines()[-1]
    assert "Traceback" not in done.err
    store = opens_of(config)()
    assert store.meters() == []
    store.close()


def test_the_page_and_the_api_know_an_imported_meter(site: Site, tmp_path: Path) -> None:
    file = operators_file(tmp_path, datetime(2026, 9, 1), 1)
    assert imported(site.config, file, "--zone", "Europe/Vienna").status == 0
    (meter,) = site.api.get("v1/meters")
    assert (meter["id"], meter["newest"]["clock"]) == ("m1", "import")
    assert not [box for box in site.api.get("v1/chain")["boxes"] if box["kind"] == "meter"]
    span = "from=2026-08-31T00:00:00Z&to=2026-09-03T00:00:00Z&by=day"
    bars = site.api.get(f"v1/meters/m1/energy?{span}")["bars"]
    assert sum(bar["drawn"] for bar in bars) == 9600


def test_the_page_shows_an_imported_meter(site: Site, opened: Page, tmp_path: Path) -> None:
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)
    file = operators_file(tmp_path, today - timedelta(days=3), 3)
    assert imported(site.config, file, "--zone", "UTC").status == 0
    opened.page.reload()
    expect(opened.page.get_by_text("· imported")).to_be_visible()
    opened.page.get_by_role("button", name="Previous period").click()
    # 100 Wh in each quarter of an hour
    expect(opened.page.get_by_text("9.60 kWh").first).to_be_visible()
    assert not opened.wrong
