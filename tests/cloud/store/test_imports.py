"""Imported readings: marked, never in the place of measured ones, and part of every slice."""

import random
from collections.abc import Iterable

import pytest
from smartmeter_cloud.history import energy
from smartmeter_cloud.store.rows import (
    CODES,
    IMPORTED_CLOCK,
    IMPORTED_SEQ,
    INTERVAL_DRAWN,
    Meter,
    ReadingRow,
)
from smartmeter_cloud.store.slices import DAY, HOUR, QUARTER
from smartmeter_cloud.store.sql import SqlStore

from tests.cloud.store.test_rollups import FAR, NOON, at, roll
from tests.cloud.stores import VIENNA, add, opens, store

__all__ = ["opens", "store"]


LATER = (NOON + 4 * 86_400) * 1000


def row(seconds: float, extra: str | None = None, total: float | None = None) -> ReadingRow:
    """An imported reading; seconds from NOON."""
    numbers = [total if code == "1.8.0" else None for code in CODES]
    about = (0, 120, IMPORTED_CLOCK, "none", 0)
    return (int((NOON + seconds) * 1000), IMPORTED_SEQ, *about, extra, *numbers)


def interval(seconds: float, wh: float) -> ReadingRow:
    return row(seconds, f'{{"{INTERVAL_DRAWN}":{wh}}}')


def bars(store: SqlStore, by: str, meter: str = "m1") -> tuple[list[float], list[float]]:
    """Wh drawn of each bar and of each gap."""
    slices = store.slices(meter, energy.TIER_OF[by], 0, FAR)
    made, gaps = energy.bars(slices, None, by, VIENNA)
    return [bar.drawn or 0 for bar in made], [gap.drawn or 0 for gap in gaps]


def test_the_history_before_the_first_reading(store: SqlStore) -> None:
    store.add_meter(Meter("m1", "home", ""))
    rows = [interval(-86_400 + i * 900, 10) for i in range(96)]
    assert store.import_readings("m1", rows) == (96, 0)
    assert store.import_readings("m1", rows) == (0, 96)
    add(store, "m1", at(1, 5000), at(890, 5100))
    roll(store)
    assert bars(store, QUARTER) == ([10] * 96 + [100], [])
    assert bars(store, HOUR) == ([40] * 24 + [100], [])
    assert bars(store, DAY) == ([480, 480 + 100], [])
    assert bars(store, energy.MONTH) == ([1060], [])


def test_an_outage_is_filled_and_counts_once(store: SqlStore) -> None:
    """1000 Wh flowed while nobody read the meter, from 12:10 to 22:10."""
    add(store, "m1", at(0, 5000), at(600, 5050), at(36_600, 6050), at(36_800, 6060))
    store.import_readings("m1", [interval(900 + i * 900, 24) for i in range(39)])
    roll(store)
    quarters, gaps = bars(store, QUARTER)
    assert quarters == [50, *[24] * 39, 10]
    assert gaps == [1000 - 39 * 24]
    for by in (HOUR, DAY, energy.MONTH):
        made, gaps = bars(store, by)
        assert sum(made) + sum(gaps) == 1060, by
    assert bars(store, DAY) == ([1060], [])


@pytest.mark.parametrize("seed", range(2))
def test_every_view_has_all_energy_once(store: SqlStore, seed: int) -> None:
    """Whatever was read, and in whatever order it came in."""
    choice = random.Random(seed)
    drawn = [choice.randint(1, 40) for _ in range(300)]  # Wh a quarter of an hour
    total = [1000]
    for wh in drawn:
        total.append(total[-1] + wh)
    read = sorted(choice.sample(range(300), 40))
    steps = [lambda i=i: add(store, "m1", at(i * 900, total[i]), received=LATER) for i in read]
    steps += [lambda i=i: store.import_readings("m1", [interval(i * 900, drawn[i])])
              for i in range(300) if i not in read]  # fmt: skip
    add(store, "m1", at(read[0] * 900, total[read[0]]), received=LATER)
    choice.shuffle(steps)
    for i, do in enumerate(steps):
        do()
        if i % 60 == 0:
            store.roll(50, FAR)
    roll(store)
    # The quarters of the first and of the last total are only known as far as totals tell.
    expected = sum(drawn) - drawn[read[-1]]
    for by in (QUARTER, HOUR, DAY, energy.MONTH):
        made, gaps = bars(store, by)
        assert sum(made) + sum(gaps) == expected, by


def test_a_late_measured_reading_takes_precedence(store: SqlStore) -> None:
    add(store, "m1", at(0, 1000))
    store.import_readings("m1", [row(10 + i, total=2000 + i) for i in range(20)])
    add(store, "m1", at(100, 1010), received=NOON * 1000 + 500_000)
    roll(store)
    assert bars(store, QUARTER) == ([10], [])
    assert len(store.readings("m1", (0, -2), FAR, (), (), 100)) == 22
    assert store.measured_quarters("m1", 0, FAR) == {NOON * 1000}


def test_a_measured_reading_of_the_same_time_is_kept(store: SqlStore) -> None:
    add(store, "m1", at(5, 1))
    store.import_readings("m1", [row(0, total=7)])
    assert add(store, "m1", at(0, 1000) | {"seq": 0}).new == 1
    found = store.readings("m1", ((NOON * 1000), -2), FAR, (), (), 10)
    assert [(r.clock, r.seq, r.values["1.8.0"]) for r in found][:2] == [
        ("import", -1, 7),
        ("meter", 0, 1000),
    ]


def test_the_newest_reading_is_a_measured_one(store: SqlStore) -> None:
    store.add_meter(Meter("m1", "home", ""))
    assert store.newest() == []
    store.import_readings("m1", [row(0, total=7), row(900, total=8)])
    (newest,) = store.newest()
    assert (newest.reading.clock, newest.reading.values) == ("import", {"1.8.0": 8})
    add(store, "m1", at(2000, 1000))
    store.import_readings("m1", [row(4000, total=9)])
    (after,) = store.newest(newest.change)
    assert after.reading.values == {"1.8.0": 1000}


def view(store: SqlStore, sql: str) -> list[tuple[object, ...]]:
    with store._reading() as db:
        return db.all(sql)


def seen(values: Iterable[float | None]) -> list[float | None]:
    return [None if v is None else round(v, 3) for v in values]


@pytest.mark.parametrize("seed", range(2))
def test_the_view_of_slices_is_the_energy_of_the_api(store: SqlStore, seed: int) -> None:
    choice = random.Random(seed)
    seconds, total, made = 0.0, 1000.0, []
    for _ in range(400):
        seconds += choice.choice((5, 60, 300, 880, 900, 1500, 9000))
        total += choice.choice((0, 0.125, 3, 40, 300_000, -total + 5))
        fed = {"v2_8_0": round(total / 2, 3)} if choice.random() < 0.7 else {}
        made.append(at(int(seconds), round(total, 3), v1_7_0=choice.randint(0, 9), **fed))
    add(store, "m1", *made, received=int(NOON + seconds) * 1000)
    add(store, "m2", *made[::3], received=int(NOON + seconds) * 1000)
    store.import_readings("m1", [interval(-9000 + i * 900, 5.5) for i in range(9)])
    roll(store)
    for meter in ("m1", "m2"):
        slices = store.slices(meter, QUARTER, 0, FAR)
        expected, _ = energy.bars(slices, None, QUARTER, VIENNA)
        rows = view(
            store,
            "SELECT start_ms, drawn_wh, fed_wh, mean_w, lowest_w, highest_w, readings "
            f"FROM energy_15min WHERE meter = '{meter}' ORDER BY start",
        )
        assert [r[0] for r in rows] == [bar.start for bar in expected]
        assert seen(r[1] for r in rows) == seen(bar.drawn for bar in expected)  # type: ignore[arg-type]
        assert seen(r[2] for r in rows) == seen(bar.fed for bar in expected)  # type: ignore[arg-type]
        means = [bar.power_sum / bar.powers if bar.powers else None for bar in expected]
        assert seen(r[3] for r in rows) == seen(means)  # type: ignore[arg-type]
        assert [r[4:] for r in rows] == [(b.power_low, b.power_high, b.n) for b in expected]


def test_the_view_of_readings_has_names_and_readable_times(store: SqlStore) -> None:
    add(store, "m1", at(1.5, 1000, v1_7_0=0, v2_7_0=500, v32_7_0=229.4, v14_7_0=50.01))
    store.name_meter("m1", "Kitchen", "smith")
    ((time, *others),) = view(
        store,
        "SELECT time, meter, label, household, time_ms, clock, auth, clock_wrong, power_w, "
        "energy_import_wh, energy_export_wh, voltage_l1_v, further FROM readings",
    )
    assert others == [
        "m1", "Kitchen", "smith", NOON * 1000 + 1500, "meter", "verified", 0, -500, 1000, None,
        229.4, '{"14.7.0":50.01}',
    ]  # fmt: skip
    text = time if isinstance(time, str) else time.isoformat()  # type: ignore[attr-defined]
    assert text in ("2026-09-22T10:00:01.500Z", "2026-09-22T10:00:01.500000+00:00")
