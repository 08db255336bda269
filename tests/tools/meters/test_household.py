"""The simulated household: what its meter counts is what it draws."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from math import isqrt

import pytest

from tools.meters import forms, quantities
from tools.meters.household import FIRST_WEEK, JOULES_MICRO_PER_WH, Household

NOON = datetime(2026, 6, 17, 11, 30, tzinfo=UTC)
TARIFFED = ("1.8.0", "1.8.1", "1.8.2", "3.8.0", "3.8.1", "3.8.2", "4.8.0")
QUADRANTS = ("5.8.0", "6.8.0", "7.8.0", "8.8.0")
HOUSES = [Household(1), Household(2, pv=True), Household(3, pv=True, phases=1)]


def exact(house, now, registers):
    return sum(house.at(now).energy[n] for n in registers)


@pytest.mark.parametrize("house", HOUSES)
def test_the_same_seed_and_moment_give_the_same(house):
    again = Household(house.seed, house.pv, house.phases).at(NOON)
    one = house.at(NOON)
    assert (one.p, one.q, one.u, one.i, one.energy) == (
        again.p,
        again.q,
        again.u,
        again.i,
        again.energy,
    )
    assert house.at(NOON + timedelta(hours=7)).energy != one.energy


@pytest.mark.parametrize("house", HOUSES)
def test_totals_are_the_integral_of_power(house):
    for start in (NOON, NOON.replace(hour=17, minute=59), NOON.replace(hour=0)):
        drawn = fed = 0
        for second in range(900):  # power is constant within a second
            power = sum(house.at(start + timedelta(seconds=second)).p)
            drawn += max(0, power) * 1000
            fed += max(0, -power) * 1000
        end = start + timedelta(seconds=900)
        assert exact(house, end, (0, 1)) - exact(house, start, (0, 1)) == drawn
        assert exact(house, end, (2, 3)) - exact(house, start, (2, 3)) == fed


@pytest.mark.parametrize("house", HOUSES)
def test_totals_never_fall_not_even_over_the_week(house):
    sunday = FIRST_WEEK + timedelta(weeks=400) - timedelta(minutes=30)
    moments = [sunday + timedelta(seconds=47 * n) for n in range(100)]
    states = [house.at(moment).energy for moment in moments]
    for before, after in pairwise(states):
        assert all(a <= b for a, b in zip(before, after, strict=True))


@pytest.mark.parametrize("house", HOUSES)
def test_currents_fit_power_and_voltage(house):
    for hour in range(24):
        at = house.at(NOON.replace(hour=hour))
        for n in range(3):
            if n >= house.phases:
                assert at.u[n] == at.i[n] == at.p[n] == 0
                continue
            assert 207_000 < at.u[n] < 253_000
            apparent = isqrt(at.p[n] ** 2 + at.q[n] ** 2)
            assert abs(at.i[n] * at.u[n] // 1000 - apparent) <= 300


def test_only_a_house_with_a_plant_feeds_in():
    hours = [NOON.replace(hour=0) + timedelta(minutes=10 * n) for n in range(7 * 144)]
    assert min(sum(Household(1).at(hour).p) for hour in hours) > 0
    assert min(sum(Household(2, pv=True).at(hour).p) for hour in hours) < -1_000_000
    assert quantities.mantissa(Household(1).at(NOON), "2.8.0", 0) == 0


def test_a_total_is_the_sum_of_its_tariffs_and_quadrants():
    for hour in range(24):
        at = Household(2, pv=True).at(NOON.replace(hour=hour))
        value = {code: quantities.mantissa(at, code, 0) for code in (*TARIFFED, *QUADRANTS)}
        assert value["1.8.0"] == value["1.8.1"] + value["1.8.2"]
        assert value["3.8.0"] == value["3.8.1"] + value["3.8.2"]
        assert value["3.8.0"] == value["5.8.0"] + value["6.8.0"]
        assert value["4.8.0"] == value["7.8.0"] + value["8.8.0"]


def test_resolution_cuts_and_does_not_round():
    at = Household(2, pv=True).at(NOON.replace(hour=20))
    watts = quantities.mantissa(at, "1.7.0", 0)
    assert watts == sum(at.p) // 1000
    assert quantities.mantissa(at, "1.7.0", 1) == watts // 10
    assert quantities.mantissa(at, "16.7.0", -1) == sum(at.p) // 100
    assert quantities.mantissa(at, "1.8.0", 0) * JOULES_MICRO_PER_WH <= sum(at.energy[:2])


def test_a_moment_before_its_history_is_refused():
    with pytest.raises(ValueError, match="history begins"):
        Household(1).at(FIRST_WEEK - timedelta(seconds=1))


def test_each_form_has_keys_of_its_own():
    keys = {forms.default_key(name) for name in forms.FORMS}
    auth_keys = {forms.default_auth_key(name) for name in forms.FORMS}
    assert len(keys) == len(auth_keys) == len(forms.FORMS)
    assert not keys & auth_keys
    assert forms.default_key("kaifa-ma309") == bytes(range(16))
    assert forms.default_auth_key("kaifa-ma309") == bytes(range(0xD0, 0xE0))


def test_counters_grow_and_go_on_after_a_restart():
    house = Household(1)
    meter = forms.make("kaifa-ma309", house)
    first, second = (meter.telegram(NOON)[1]["seq"] for _ in range(2))
    assert second == first + 1
    later = forms.make("kaifa-ma309", house).telegram(NOON + timedelta(seconds=5))[1]["seq"]
    assert later > second
    assert forms.make("kaifa-ma309", house, counter=9).telegram(NOON)[1]["seq"] == 9


def test_what_does_not_exist_is_refused_in_words():
    house = Household(1)
    with pytest.raises(ValueError, match="no meter form"):
        forms.make("no-such-meter", house)
    with pytest.raises(ValueError, match="no option"):
        forms.make("sml", house, security=0x20)
    with pytest.raises(ValueError, match="must have 16"):
        forms.make("kaifa-ma309", house, key=bytes(15))
    with pytest.raises(ValueError, match="has the lists"):
        forms.make("aidon-no", house, list="9").telegram(NOON)
