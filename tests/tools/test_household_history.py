"""tools.household_history fills a store with days that add up."""

import subprocess
import sys
import time
from pathlib import Path

from smartmeter_cloud.app import open_store
from smartmeter_cloud.config.settings_file import load
from smartmeter_cloud.store.slices import DAY

DAY_MS = 86_400_000


def run(repository: Path, config: Path) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "tools.household_history", str(config)]
    return subprocess.run(
        [*command, "--meters", "2", "--days", "40"], cwd=repository, capture_output=True, text=True
    )


def test_it_fills_an_empty_store_once(repository: Path, tmp_path: Path) -> None:
    config = tmp_path / "cloud.toml"
    config.write_text('[store]\npath = "cloud.sqlite"\ntime_zone = "Europe/Vienna"\n')
    done = run(repository, config)
    assert done.returncode == 0, done.stderr
    assert " readings of 2 meters in " in done.stdout
    store = open_store(load(config))
    assert {meter.name: meter.label for meter in store.meters()} == {
        "house-1": "House",
        "house-2": "Workshop",
    }
    now = int(time.time() * 1000)
    for newest in store.newest():
        assert now - newest.reading.time < DAY_MS / 24 / 6
        meter = newest.reading.meter
        days = store.slices(meter, DAY, now - 39 * DAY_MS, now)
        assert len(days) >= 38
        assert all(day.drawn and day.drawn.used > 1000 for day in days[:-1])
        total = sum(day.drawn.used for day in days if day.drawn)
        first = store.first_total(meter, "1.8.0", days[0].start, now)
        assert first
        counted = newest.reading.values["1.8.0"] - first.values["1.8.0"]
        # a day ends with its last reading, a quarter of an hour before midnight
        assert 0 <= counted - total < counted / 100
        assert any(day.fed and day.fed.used > 1000 for day in days) == (meter == "house-1")
    store.close()
    again = run(repository, config)
    assert again.returncode == 1
    assert again.stderr == "household_history: the store has meters already; name an empty one\n"
