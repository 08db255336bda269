"""Nobody learns from the sums of all what one household used, whatever they send or ask."""

import random
import time
from typing import Any

import pytest

from tests.cloud.api_process import Site, call
from tests.cloud.harness import reading

DAY = "2026-09-22"
SPAN = f"from={DAY}T00:00:00Z&to=2026-09-23T00:00:00Z"


@pytest.fixture
def site(guarded: Site) -> Site:
    return guarded


def used(
    site: Site, household: str, hour: int, wh: int, fed: int | None = None, meter: str = ""
) -> None:
    """What a household used within ten minutes of an hour, by a meter of its own name."""
    concentrator = f"concentrator-{household}"
    if concentrator not in site.store.concentrators():
        site.store.place_concentrator(concentrator, household)
    for seq, (minute, share) in enumerate(((0, 0), (10, 1)), 10 * hour):
        values: dict[str, float] = {"v1_8_0": 100_000 + 1000 * hour + share * wh}
        if fed is not None:
            values["v2_8_0"] = 50_000 + 1000 * hour + share * fed
        topic = f"concentrator/{concentrator}/smartMeterMessage/{meter or household}/reading"
        site.take(topic, reading(seq, f"{DAY}T{hour:02}:{minute:02}:00Z", **values))


def settle(site: Site) -> None:
    """All meters have been known for long."""
    with site.store._writing() as db:
        db.run("UPDATE meter SET added = 0")
    roll(site)


def roll(site: Site) -> None:
    while site.store.roll(500, 2**60):
        pass


def sums(site: Site, key: str, by: str = "hour", more: str = "") -> Any:
    status, answer, _ = call(site, "GET", f"v1/aggregate?{SPAN}&by={by}{more}", key=key)
    assert status == 200, answer
    return answer


def test_an_hour_needs_twenty_households(site: Site) -> None:
    key = site.key("aggregate")
    for n in range(19):
        used(site, f"h{n}", 10, 10)
        used(site, f"h{n}", 10, 10, meter=f"second-{n}")  # 38 meters
    settle(site)
    assert sums(site, key) == []
    used(site, "h19", 10, 10)
    settle(site)
    (hour,) = sums(site, key)
    assert (hour["households"], hour["drawn"], hour["fed"]) == (20, 390, None)
    assert sums(site, key, more="&meter=h1") == [hour]  # there is no choice


@pytest.mark.parametrize("deletes", [True, False], ids=["with delete", "scope aggregate only"])
def test_invented_meters_do_not_isolate_a_household(site: Site, deletes: bool) -> None:
    """25 invented meters beside the victim's one: then asked, deleted and asked again."""
    used(site, "victim", 10, 137)
    for n in range(25):
        used(site, "attacker", 10, 0, meter=f"fake-{n}")
    settle(site)
    attacker, accomplice = site.key("aggregate", "attacker"), site.key("aggregate", "h77")
    assert sums(site, attacker) == []
    if deletes:
        delete = site.key("delete", "attacker")
        for n in range(25):
            assert call(site, "DELETE", f"v1/meterReadings?id=fake-{n}", key=delete)[0] == 200
        roll(site)
    for key in (attacker, accomplice, site.key("aggregate")):
        assert sums(site, key) == []
        assert sums(site, key, "day") == []


def test_the_asker_s_own_household_is_none_of_the_twenty(site: Site) -> None:
    for n in range(20):
        used(site, f"h{n}", 10, 10)
    settle(site)
    everybody, outside, inside = (site.key("aggregate", h) for h in (None, "h77", "h3"))
    assert [h["households"] for h in sums(site, everybody)] == [20]
    assert [h["households"] for h in sums(site, outside)] == [20]
    assert sums(site, inside) == []
    # It was part of the sum, and deleting its meter changes nothing of that.
    assert call(site, "DELETE", "v1/meterReadings?id=h3", key=site.key("delete", "h3"))[0] == 200
    roll(site)
    assert sums(site, inside) == []
    assert [h["households"] for h in sums(site, outside)] == [20]


def test_what_was_published_never_changes(site: Site) -> None:
    key = site.key("aggregate")
    for n in range(20):
        used(site, f"h{n}", 10, 10)
    used(site, "h3", 12, 77)  # alone in this hour, and behind a gap
    settle(site)
    (hour,), (day,) = sums(site, key), sums(site, key, "day")
    # A day minus its hours leaves nothing of the hour that is not published, nor of the gap.
    assert (day["drawn"], day["hours"]) == (hour["drawn"], 1)
    used(site, "late", 10, 55)
    settle(site)
    assert sums(site, key) == [hour]
    assert call(site, "DELETE", "v1/meterReadings?id=h3", key=site.key("delete"))[0] == 200
    roll(site)
    assert sums(site, key) == [hour]
    assert sums(site, key, "day") == [day]


def test_a_meter_does_not_count_in_its_first_week(site: Site) -> None:
    """Not for hours before the Cloud heard of it either: readings can be backdated."""
    for n in range(20):
        used(site, f"h{n}", 10, 10)
    roll(site)
    assert sums(site, site.key("aggregate")) == []
    hour_ms = int(time.mktime(time.strptime(f"{DAY} 10", "%Y-%m-%d %H"))) * 1000
    with site.store._writing() as db:
        db.run("UPDATE meter SET added = ?", (hour_ms - 6 * 86_400_000,))
    assert sums(site, site.key("aggregate")) == []
    with site.store._writing() as db:
        db.run("UPDATE meter SET added = ?", (hour_ms - 8 * 86_400_000,))
    assert len(sums(site, site.key("aggregate"))) == 1


def test_a_household_whose_totals_stand_still_does_not_count(site: Site) -> None:
    for n in range(19):
        used(site, f"h{n}", 10, 10)
    used(site, "empty", 10, 0)
    settle(site)
    assert sums(site, site.key("aggregate")) == []


def test_feed_in_needs_twenty_households_that_feed_in(site: Site) -> None:
    """Everybody sees on whose roof the only solar cells are."""
    for n in range(25):
        used(site, f"h{n}", 10, 10, fed=444 if n == 7 else 0)
        used(site, f"h{n}", 11, 10, fed=5 if n < 20 else 0)
    settle(site)
    ten, eleven = sums(site, site.key("aggregate"))
    assert (ten["drawn"], ten["fed"]) == (250, None)
    assert eleven["fed"] == 100
    assert [h["fed"] for h in sums(site, site.key("aggregate", "h7"))] == [None, None]


def test_an_hour_that_is_not_over_for_a_day_is_not_told(site: Site) -> None:
    now = int(time.time())
    for n in range(1, 21):
        site.store.place_concentrator(f"c{n}", f"h{n}")
        for seq, ago in enumerate((7260, 7200)):
            moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now - 3600 - ago))
            topic = f"concentrator/c{n}/smartMeterMessage/n{n}/reading"
            site.take(topic, reading(seq, moment, v1_8_0=1 + seq))
    settle(site)
    span = [time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now + d * 86400)) for d in (-1, 1)]
    path = f"v1/aggregate?from={span[0]}&to={span[1]}&by=hour"
    assert call(site, "GET", path, key=site.key("aggregate"))[1] == []


@pytest.mark.parametrize("seed", range(4))
def test_no_difference_of_answers_is_one_household_s(site: Site, seed: int) -> None:
    """Random sendings, deletions and questions: each answer is always the same sum of >= 20."""
    chance = random.Random(seed)
    keys = {h: site.key("aggregate", h) for h in (None, "h0", "h1", "h77")}
    truth: dict[int, dict[str, int]] = {9: {}, 10: {}, 11: {}}
    published: dict[int, tuple[int, int]] = {}
    households = [f"h{n}" for n in range(24)]
    for _ in range(6):
        for household in chance.sample(households, 12):
            hour = chance.choice(list(truth))
            if household not in truth[hour]:
                truth[hour][household] = chance.randrange(0, 900)
                used(site, household, hour, truth[hour][household], meter=f"{household}-{hour}")
        settle(site)
        if chance.random() < 0.5:
            household, hour = chance.choice(households), chance.choice(list(truth))
            site.store.forget_meter(f"{household}-{hour}")
        for asker, key in keys.items():
            for one in sums(site, key):
                hour = (one["start"] // 3_600_000) % 24
                answer = (one["households"], one["drawn"])
                assert published.setdefault(hour, answer) == answer
                others = [h for h, wh in truth[hour].items() if wh and h != asker]
                assert len(others) >= 20
