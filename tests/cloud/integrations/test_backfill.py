"""Home Assistant's statistics after its outage: every hour gets what the meter counted in it."""

import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from smartmeter_cloud.store.sqlite import SqliteStore

from tests.cloud.harness import CommandResult, command, reading
from tests.cloud.integrations.stand_in import TOKEN, StandIn
from tests.cloud.store.test_rollups import roll
from tests.cloud.stores import add

HOUR = 3_600_000
NOW = int(time.time() * 1000) // HOUR * HOUR
BEGIN = NOW - 24 * HOUR
AWAY = range(8, 14)  # hours without Home Assistant
IMPORT, EXPORT = "sensor.cellar_energy_import", "sensor.cellar_energy_export"


def total(hour: int) -> float:
    """Wh at the end of an hour; each hour counts differently much."""
    return 1_000_000 + sum(100 + 10 * i for i in range(hour + 1))


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A Cloud that has read the meter every quarter of an hour, all day long."""
    path = tmp_path / "cloud.toml"
    path.write_text('[store]\npath = "smartmeter.sqlite"\n[http]\nport = 0\n')
    token = tmp_path / "token"
    token.write_text(TOKEN + "\n")
    token.chmod(0o600)
    store = SqliteStore(tmp_path / "smartmeter.sqlite")
    rows = []
    for hour in range(23):
        for minute in range(0, 60, 15):
            at = (BEGIN + hour * HOUR) // 1000 + minute * 60 + 899
            drawn = total(hour - 1) + (total(hour) - total(hour - 1)) * (minute + 15) / 60
            moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at))
            values = {"v1_8_0": round(drawn, 3), "v2_8_0": round(drawn / 2, 3)}
            rows.append(reading(hour * 60 + minute, moment, **values))
    add(store, "cellar", *rows, received=NOW)
    roll(store)
    store.close()
    return path


@pytest.fixture(params=["kWh", "Wh"])
def home_assistant(request: pytest.FixtureRequest) -> Iterator[StandIn]:
    made = StandIn(request.param, modern=request.param == "kWh")
    factor = 1000 if request.param == "kWh" else 1
    for statistic, share in ((IMPORT, 1), (EXPORT, 2)):
        made.rows[statistic] = {
            BEGIN + hour * HOUR: (
                round(total(hour) / share / factor, 3),
                round((total(hour) - total(0)) / share / factor + 7, 3),
            )
            for hour in range(23)
            if hour not in AWAY
        }
    yield made
    made.stop()
    assert made.wrong == []


def backfilled(config: Path, one: StandIn, *more: str, meter: str = "cellar") -> CommandResult:
    token = str(config.parent / "token")
    arguments = ["--config", str(config), "--home-assistant", one.url, "--token-file", token]
    return command("backfill", meter, *arguments, *more)


def changes(one: StandIn, statistic: str) -> dict[int, float]:
    """Wh by hour, as Home Assistant shows them."""
    factor = 1000 if one.unit == "kWh" else 1
    rows = sorted(one.rows[statistic].items())
    return {
        (at - BEGIN) // HOUR: round((after[1] - before[1]) * factor, 1)
        for (_, before), (at, after) in pairwise(rows)
    }


def expected(share: int) -> dict[int, float]:
    return {hour: (100 + 10 * hour) / share for hour in range(1, 23)}


def test_an_outage_is_filled(config: Path, home_assistant: StandIn) -> None:
    assert changes(home_assistant, IMPORT)[14] == sum(100 + 10 * h for h in range(8, 15))
    around = dict(home_assistant.rows[IMPORT])
    done = backfilled(config, home_assistant, "--drawn", IMPORT, "--fed", EXPORT)
    assert done.status == 0, done.err
    assert [line.split(",")[0] for line in done.out.splitlines()] == [
        f"{IMPORT}: 6 hours filled",
        f"{EXPORT}: 6 hours filled",
    ]
    assert changes(home_assistant, IMPORT) == expected(1)
    assert changes(home_assistant, EXPORT) == expected(2)
    assert all(home_assistant.rows[IMPORT][at] == row for at, row in around.items())
    again = backfilled(config, home_assistant, "--drawn", IMPORT)
    assert again.out == f"{IMPORT}: 0 hours filled\n"


def test_flat_hours_are_filled_too(config: Path, home_assistant: StandIn) -> None:
    """Home Assistant may have made statistics of the last known state."""
    rows = home_assistant.rows[IMPORT]
    for hour in AWAY:
        rows[BEGIN + hour * HOUR] = rows[BEGIN + (AWAY[0] - 1) * HOUR]
    assert "6 hours filled" in backfilled(config, home_assistant, "--drawn", IMPORT).out
    assert changes(home_assistant, IMPORT) == expected(1)


def test_a_dry_run_writes_nothing(config: Path, home_assistant: StandIn) -> None:
    before = dict(home_assistant.rows[IMPORT])
    done = backfilled(config, home_assistant, "--drawn", IMPORT, "--dry-run")
    assert "6 hours missing" in done.out
    assert home_assistant.rows[IMPORT] == before


def test_an_outage_that_goes_on_is_left_for_later(config: Path, home_assistant: StandIn) -> None:
    rows = home_assistant.rows[IMPORT]
    for hour in range(14, 23):
        del rows[BEGIN + hour * HOUR]
    assert "0 hours filled" in backfilled(config, home_assistant, "--drawn", IMPORT).out


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ([], "name a statistic: --drawn"),
        (["--drawn", "sensor.x"], "Home Assistant has no statistic sensor.x"),
        (["--drawn", IMPORT, "--from", "1999-01-01"], "--from must be a time within the last 366"),
        (["--drawn", IMPORT, "--home-assistant", "http://127.0.0.1:1"], "cannot be reached"),
        (["--drawn", IMPORT, "--home-assistant", "http://ha.example"], "is without TLS"),
        (["--drawn", IMPORT, "--home-assistant", "ftp://127.0.0.1"], "is not an address such as"),
        (["--drawn", IMPORT, "--token-file", "nothing"], "--token-file names nothing: no such"),
    ],
)
def test_a_mistake_is_one_sentence(config: Path, more: list[str], sentence: str) -> None:
    one = StandIn()
    try:
        done = backfilled(config, one, *more)
    finally:
        one.stop()
    assert (done.status, done.err.count("\n")) == (1, 1)
    assert sentence in done.err
    assert TOKEN not in done.err


def test_a_wrong_or_open_token(config: Path) -> None:
    token = config.parent / "token"
    one = StandIn()
    one.rows["sensor.mean"] = {}
    try:
        done = backfilled(config, one, "--drawn", "sensor.mean")
        assert "sensor.mean is not a total of energy" in done.err
        done = backfilled(config, one, "--drawn", IMPORT, meter="attic")
        assert "attic is not stored" in done.err
        token.write_text("wrong")
        done = backfilled(config, one, "--drawn", IMPORT)
        assert "Home Assistant refuses the token" in done.err
        assert "wrong" not in done.err
        token.chmod(0o644)
        done = backfilled(config, one, "--drawn", IMPORT)
        assert "which others may read; type: chmod 600" in done.err
    finally:
        one.stop()
