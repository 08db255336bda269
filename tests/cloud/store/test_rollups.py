"""Roll-ups: right under late data, gaps, resets and swaps, whatever the order of arrival."""

import random
import time
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from smartmeter_cloud.config.settings import Retention
from smartmeter_cloud.store.slices import DAY, HOUR, QUARTER, day_end, day_start, merge, slice_of
from smartmeter_cloud.store.sql import SqlStore

from tests.cloud.harness import reading
from tests.cloud.stores import VIENNA, Opens, add, opens, store

__all__ = ["opens", "store"]

NOON = 1790071200  # 2026-09-22T12:00:00+02:00
FAR = 2**60


def at(seconds: float, drawn: float | None = None, **values: float) -> dict[str, Any]:
    moment = datetime.fromtimestamp(NOON + seconds, UTC).isoformat()
    if drawn is not None:
        values["v1_8_0"] = drawn
    return reading(int(seconds) + 10_000_000, moment, **values)


def roll(store: SqlStore) -> None:
    while store.roll(50, FAR):
        pass


def slices(store: SqlStore, tier: str, meter: str = "m1") -> list[Any]:
    return store.slices(meter, tier, 0, FAR)


def test_a_quarter_of_an_hour_an_hour_and_a_day(store: SqlStore) -> None:
    add(
        store, "m1",
        at(0, 1000, v1_7_0=100, v32_7_0=229.5),
        at(890, 1100, v1_7_0=300, v32_7_0=231),
        at(900, 1101, v2_7_0=50, v2_8_0=7, v1_7_0=0),
        at(1799, 1200),
    )  # fmt: skip
    roll(store)
    first, second = slices(store, QUARTER)
    assert (first.start, first.n, first.drawn.used) == (NOON * 1000, 2, 100)
    assert (first.powers, first.power_sum, first.power_low, first.power_high) == (2, 400, 100, 300)
    assert first.volts == (229.5, 231, None, None, None, None)
    assert first.fed is None
    assert second.drawn.used == 99
    (hour,) = slices(store, HOUR)
    assert (hour.drawn.first, hour.drawn.last, hour.drawn.used) == (1000, 1200, 200)
    assert (hour.fed.used, hour.power_low, hour.power_high) == (0, -50, 300)
    (day,) = slices(store, DAY)
    assert day._replace(start=0) == hour._replace(start=0)
    assert day.start == (NOON - 12 * 3600) * 1000


def test_late_data_lands_where_it_belongs_in_every_tier(opens: Opens) -> None:
    day = [at(t, 1000 + t / 4, v1_7_0=t % 700) for t in range(-40_000, 40_000, 157)]
    in_order = opens()
    add(in_order, "in-order", *day)
    roll(in_order)
    random.Random(3).shuffle(day)
    for i in range(0, len(day), 40):
        add(in_order, "late", *day[i : i + 40])
        in_order.roll(random.Random(i).randint(0, 9), FAR)
    add(in_order, "late", *day)  # and all of it again
    roll(in_order)
    for tier in (QUARTER, HOUR, DAY):
        assert slices(in_order, tier, "late") == slices(in_order, tier, "in-order")
        assert slices(in_order, tier, "late")


def test_an_outage_loses_no_energy(store: SqlStore) -> None:
    add(store, "m1", at(0, 1000), at(10, 1001), at(7200, 3500), at(7210, 3501))
    roll(store)
    assert [s.drawn.used for s in slices(store, HOUR)] == [1, 1]
    assert [s.drawn.used for s in slices(store, DAY)] == [2501]


@pytest.mark.parametrize("after", [0, 17, 9_000_000])
def test_a_reset_or_swapped_counter_is_no_energy(store: SqlStore, after: float) -> None:
    add(store, "m1", at(0, 5000), at(60, 5010), at(120, after), at(180, after + 20))
    roll(store)
    (day,) = slices(store, DAY)
    assert (day.drawn.used, day.drawn.resets) == (30, 1)


def test_a_wrong_clock_stays_out_of_the_rollups(store: SqlStore) -> None:
    add(store, "m1", at(0, 1000), reading(5, "2001-01-01T00:00:00Z", v1_8_0=5))
    roll(store)
    assert [s.n for s in slices(store, DAY)] == [1]


def test_a_slice_that_goes_on_can_be_left_for_later(store: SqlStore) -> None:
    add(store, "m1", at(0, 1000), at(900, 1010))
    assert store.roll(50, (NOON + 900) * 1000) == 1
    assert len(slices(store, QUARTER)) == 1
    assert store.roll(50, FAR) == 1
    assert store.roll(50, FAR) == 0


def test_days_are_those_of_the_zone(opens: Opens) -> None:
    vienna = opens()
    add(vienna, "m1", at(-12 * 3600 - 1, 1), at(-12 * 3600, 2), at(12 * 3600 - 1, 3))
    roll(vienna)
    assert [s.n for s in slices(vienna, DAY)] == [1, 2]
    vienna.close()
    utc = opens(ZoneInfo("UTC"))
    roll(utc)
    assert [s.n for s in slices(utc, DAY)] == [2, 1]
    assert [s.n for s in slices(utc, QUARTER)] == [1, 1, 1]


def test_a_zone_that_nobody_said_is_the_one_the_store_was_made_with(opens: Opens) -> None:
    vienna = opens()
    add(vienna, "m1", at(0, 1), at(60, 2))
    roll(vienna)
    elsewhere = opens(ZoneInfo("Asia/Tokyo"), True)
    assert str(elsewhere.zone) == "Europe/Vienna"
    assert slices(elsewhere, DAY) == slices(vienna, DAY) != []


@pytest.mark.parametrize(
    ("date", "hours"), [("2026-03-29", 23), ("2026-10-25", 25), ("2026-07-01", 24)]
)
def test_a_day_has_the_hours_it_has(date: str, hours: int) -> None:
    start = datetime.fromisoformat(date).replace(tzinfo=VIENNA)
    ms = int(start.timestamp()) * 1000
    assert day_end(ms, VIENNA) - ms == hours * 3_600_000
    for hour in range(hours):
        assert day_start(ms + hour * 3_600_000, VIENNA) == ms


totals = st.lists(st.one_of(st.none(), st.integers(0, 10**6)), max_size=40)


@given(totals=totals, cut=st.integers(0, 40))
def test_merging_is_the_same_as_making_at_once(totals: list[int | None], cut: int) -> None:
    rows = [(t * 5000, total, None, None, 230.1, None, None) for t, total in enumerate(totals)]
    parts = [s for s in (slice_of(0, rows[:cut]), slice_of(1, rows[cut:])) if s]
    assert merge(0, parts) == slice_of(0, rows)


@given(totals=totals)
def test_energy_is_never_negative(totals: list[int | None]) -> None:
    made = slice_of(0, [(t * 1000, v, v, None, None, None, None) for t, v in enumerate(totals)])
    assert made is None or made.drawn is None or made.drawn.used >= 0


def test_rolling_up_keeps_pace(store: SqlStore) -> None:
    """A meter's day at 5 s is rolled up in a second or so, so a machine can follow many."""
    add(store, "m1", *[at(5 * i - 43_200, 1000 + i, v1_7_0=i % 500) for i in range(17_280)])
    began = time.perf_counter()
    roll(store)
    assert time.perf_counter() - began < 5
    assert len(slices(store, QUARTER)) == 96


def test_a_day_begins_within_an_hour_of_utc(opens: Opens) -> None:
    kolkata = ZoneInfo("Asia/Kolkata")  # UTC+05:30: midnight is at half past an hour
    store = opens(kolkata)
    midnight = day_start(NOON * 1000, kolkata) // 1000 - NOON
    add(store, "m1", at(midnight + 10, 1000), at(midnight + 20, 1004))
    roll(store)
    add(store, "m1", at(midnight + 1700, 1009))
    roll(store)
    (day,) = slices(store, DAY)
    assert (day.start, day.n, day.drawn.used) == ((NOON + midnight) * 1000, 3, 9)


def test_what_is_late_makes_no_smaller_day_of_what_is_forgotten(store: SqlStore) -> None:
    add(store, "m1", *[at(t, 1000 + t / 100) for t in range(0, 7200, 100)])
    roll(store)
    far = NOON * 1000 + 40 * 86_400_000
    while store.forget(Retention(readings=30, quarters=30), far):
        pass
    before = [slices(store, tier) for tier in (HOUR, DAY)]
    add(store, "m1", at(150, 1001.5))
    roll(store)
    assert [slices(store, tier) for tier in (HOUR, DAY)] == before
