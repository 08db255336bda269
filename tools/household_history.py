"""Fills a store of the Cloud with the history of some households, for tests, benches and pictures.

    python -m tools.household_history cloud.toml --meters 25 --days 400

A reading comes every quarter of an hour, and every minute of the last two days. All have the
twelve values of a meter with three phases. The same arguments give the same readings: loads from
tools.meters.household, sun and cold by season, and another weather each day. Every second meter
has solar panels. It writes by the store's own path, and rolls all of it up.
"""

import argparse
import contextlib
import itertools
import math
import random
import sys
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from smartmeter_cloud.app import Failed, open_store
from smartmeter_cloud.config.settings_file import load
from smartmeter_cloud.store.batch import Batch
from smartmeter_cloud.store.interface import Store, StoreUnavailable
from smartmeter_cloud.store.rows import CODES, ReadingRow
from smartmeter_service.toml_file import SettingsError

from tools.meters.household import FIRST_WEEK, Household

CONCENTRATOR = "home-1"
_QUARTER_MS, _MINUTE_MS, _DAY_MS = 900_000, 60_000, 86_400_000
_FINE_DAYS = 2  # of readings by the minute, which the page draws as a curve
_WEEK_QUARTERS = 672
_ROWS = 20_000  # in a transaction
_SLICES = 4_000  # rolled up in a transaction
_LABELS = ("House", "Workshop", "Flat", "Barn", "Office")


def fill(store: Store, meters: int, days: int, end_ms: int) -> int:
    """Store the history of meters `house-1` and so on until end_ms; returns how many readings."""
    count = 0
    for number in range(1, meters + 1):
        meter = f"house-{number}"
        rows = _history(number, days, end_ms)
        while part := list(itertools.islice(rows, _ROWS)):
            store.write(Batch(readings={(meter, CONCENTRATOR): part}))
            count += len(part)
        label = _LABELS[(number - 1) % len(_LABELS)]
        store.name_meter(meter, label if number <= len(_LABELS) else f"{label} {number}", None)
    while store.roll(_SLICES, end_ms + _QUARTER_MS) == _SLICES:
        pass
    return count


def _history(seed: int, days: int, end_ms: int) -> Iterator[ReadingRow]:
    """A meter's readings, oldest first."""
    week = _week(seed)
    weather = random.Random(f"weather {seed}")  # noqa: S311 - a simulation, not a secret
    solar_w = weather.randrange(5_000, 9_000) if seed % 2 else 0
    total_wh = [weather.randrange(4_000_000, 30_000_000), weather.randrange(1_000_000, 9_000_000)]
    first = (end_ms // _DAY_MS - days) * _DAY_MS
    fine = (end_ms // _DAY_MS - _FINE_DAYS) * _DAY_MS
    seq = 0
    at = first
    cold = sky = 0.0
    while at <= end_ms:
        if (at - first) % _DAY_MS == 0:
            summer = _summer(at)
            cold = (1.35 - 0.55 * summer) * weather.uniform(0.85, 1.2)
            sky = solar_w * (0.25 + 0.75 * summer) * weather.choice((0.2, 0.5, 0.8, 0.95, 1.0))
        step = _QUARTER_MS if at < fine else _MINUTE_MS
        sun = sky * _daylight(at) * weather.uniform(0.8, 1.0)
        loads = week[at // _QUARTER_MS % _WEEK_QUARTERS]
        phases = [load * cold * weather.uniform(0.9, 1.1) - sun / 3 for load in loads]
        power = round(sum(phases))
        total_wh[power < 0] += round(abs(power) * step / 3_600_000)
        seq += 1
        volts = [round(231.5 - watts / 900 + weather.uniform(-1, 1), 1) for watts in phases]
        values = {
            "1.7.0": max(power, 0),
            "2.7.0": max(-power, 0),
            "1.8.0": total_wh[0],
            "2.8.0": total_wh[1],
        }
        for n, code in enumerate(("32.7.0", "52.7.0", "72.7.0")):
            values[code] = volts[n]
        for n, code in enumerate(("31.7.0", "51.7.0", "71.7.0")):
            values[code] = round(abs(phases[n]) / volts[n], 2)
        numbers = (values.get(code) for code in CODES)
        yield (at, seq, at, 0, "meter", "verified", 0, None, *numbers)
        at += step


def _week(seed: int) -> list[tuple[float, ...]]:
    """The mean load of each phase in W, for each quarter of an hour of a week."""
    household = Household(seed)
    found = []
    for quarter in range(_WEEK_QUARTERS):
        begin = FIRST_WEEK + timedelta(minutes=15 * quarter)
        samples = [household.at(begin + timedelta(minutes=minute)).p for minute in (1, 5, 9, 13)]
        found.append(tuple(sum(phase) / 4000 for phase in zip(*samples, strict=True)))
    return found


def _summer(at_ms: int) -> float:
    """0 in the middle of January to 1 in the middle of July."""
    return (1 - math.cos((at_ms / _DAY_MS - 14) / 365.25 * 2 * math.pi)) / 2


def _daylight(at_ms: int) -> float:
    """The height of the sun, 0 to 1, by hours of UTC."""
    hour = at_ms % _DAY_MS / 3_600_000
    return max(0.0, math.sin((hour - 5) / 13 * math.pi)) if 5 < hour < 18 else 0.0


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tools.household_history",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("config", metavar="FILE", type=Path, help="the Cloud's settings")
    parser.add_argument("--meters", type=_positive, default=3, help="default: 3")
    parser.add_argument("--days", type=_positive, default=400, help="default: 400")
    chosen = parser.parse_args()
    begun = time.monotonic()
    try:
        with contextlib.closing(open_store(load(chosen.config))) as store:
            if store.meters():
                raise Failed("the store has meters already; name an empty one")
            count = fill(store, chosen.meters, chosen.days, int(time.time() * 1000))
    except (SettingsError, Failed, StoreUnavailable) as why:
        print(f"household_history: {why}", file=sys.stderr)
        return 1
    print(f"{count} readings of {chosen.meters} meters in {time.monotonic() - begun:.1f} s")
    return 0


def _positive(text: str) -> int:
    number = int(text)
    if not 1 <= number <= 10_000:
        raise argparse.ArgumentTypeError("a number from 1 to 10000")
    return number


if __name__ == "__main__":
    sys.exit(main())
