"""What a meter's state says: the newest of every value, only forward, null for what has ceased."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from smartmeter import ALLOWED
from smartmeter_gateway.monitoring import quantities
from smartmeter_gateway.monitoring.meter_state import MeterState, StateReading, payload
from smartmeter_gateway.monitoring.quantities import quantity

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
T = NOON.timestamp()


def reading(at: float, values: str, seq: int = 1, **more: Any) -> StateReading:
    """As it comes over the wire; at: s after noon, values: the JSON of the object's inside."""
    time = (NOON + timedelta(seconds=at)).isoformat()
    made = {"time": time, "seq": seq, "clock": "meter"} | more
    text = json.dumps(made)[:-1] + ',"values":{' + values + "}}"
    return msgspec.json.decode(text, type=StateReading)


def meter(submeter: bool = False) -> MeterState:
    return MeterState.new(T, submeter)


def told(state: MeterState, at: float) -> dict[str, Any]:
    """The state document at s after noon, with its numbers as they are spelled."""
    made = payload(state.document(T + at, state.state(T + at), None))
    found: dict[str, Any] = json.loads(made, parse_float=str, parse_int=str)
    return found


def test_it_has_plain_names_with_units_and_every_digit() -> None:
    state = meter()
    assert state.take(reading(0, '"1.7.0":133,"1.8.0":12345678901234.5,"32.7.0":230.0'), T)
    assert told(state, 0) == {
        "time": "2026-11-22T12:00:00+00:00",
        "state": "online",
        "reason": None,
        "power_import_w": "133",
        "energy_import_kwh": "12345678901.2345",
        "voltage_l1_v": "230.0",
    }


@given(st.integers(0, 10**15), st.integers(0, 3))
def test_kwh_are_the_wire_s_wh_exactly(mantissa: int, decimals: int) -> None:
    number = Decimal(mantissa).scaleb(-decimals)
    state = meter()
    state.take(reading(0, f'"1.8.0":{number:f}'), T)
    assert Decimal(told(state, 0)["energy_import_kwh"]) * 1000 == number


def test_a_repeated_reading_changes_nothing() -> None:
    """An adapter that connects again repeats its last 80 s, at once."""
    state = meter()
    for i in range(20):
        assert state.take(reading(5 * i, f'"1.8.0":{1000 + i}', seq=i), T + 5 * i)
    before = told(state, 100)
    for i in range(20):
        assert not state.take(reading(5 * i, f'"1.8.0":{1000 + i}', seq=i), T + 100)
    assert told(state, 100) == before


def test_a_value_that_ceases_is_null_after_three_intervals_and_others_stay() -> None:
    state = meter()
    for i in range(3):
        state.take(reading(5 * i, '"16.7.0":777,"1.8.0":1000'), T + 5 * i)
    for i in range(3, 6):
        state.take(reading(5 * i, f'"1.8.0":{1000 + i}'), T + 5 * i)
    assert told(state, 24)["power_w"] == "777"
    late = told(state, 25)
    assert late["power_w"] is None
    assert late["energy_import_kwh"] == "1.005"
    assert state.next_change(T + 24) == T + 25


def test_hourly_totals_stay_and_a_meter_without_them_for_three_hours_loses_them() -> None:
    """Norway and Sweden: power every 10 s, totals once an hour."""
    state = meter()
    for i in range(0, 7201, 10):
        total = f',"1.8.0":{i}' if i % 3600 == 0 else ""
        state.take(reading(i, f'"1.7.0":{i}{total}'), T + i)
        assert told(state, i)["energy_import_kwh"] is not None
    assert told(state, 7200 + 3 * 3600 - 1)["energy_import_kwh"] == "7.200"
    assert told(state, 7200 + 3 * 3600)["energy_import_kwh"] is None


def test_a_meter_that_sends_a_minute_at_once_is_not_silent() -> None:
    state = meter()
    at = 0.0
    for minute in range(5):
        for i in range(12):
            second = 60 * minute + 5 * i
            at = 60.0 * minute + 55 + i * 0.05
            state.take(reading(second, f'"1.7.0":{i}', seq=second), T + at)
        if minute > 1:
            assert told(state, at + 60)["state"] == "online"
            assert told(state, at + 60)["power_import_w"] == "11"
    assert told(state, at + 181)["state"] == "silent"


def test_an_outage_does_not_become_the_usual_interval() -> None:
    state = meter()
    for at in (0, 5, 10, 15, 7215, 7220, 7225):
        state.take(reading(at, '"1.7.0":1'), T + at)
    assert told(state, 7225 + 20)["state"] == "silent"


def test_a_meter_that_sends_less_often_from_now_on_is_not_silent() -> None:
    state = meter()
    for at in (0, 5, 10, 15, 915, 1815, 2715):
        state.take(reading(at, '"1.7.0":1'), T + at)
    assert told(state, 2715 + 900)["state"] == "online"


def test_a_clock_that_was_set_back_counts_after_a_while_and_never_before() -> None:
    state = meter()
    state.take(reading(0, '"1.8.0":1000'), T)
    taken = [
        at for at in range(5, 300, 5) if state.take(reading(at - 3600, f'"1.8.0":{at}'), T + at)
    ]
    assert taken[0] == 185
    assert taken == list(range(185, 300, 5))


def test_a_time_of_the_far_future_does_not_stop_a_meter_for_ever() -> None:
    state = meter()
    state.take(reading(0, '"1.8.0":1000'), T)
    assert not state.take(reading(70 * 365 * 86_400, '"1.8.0":5'), T + 5)
    assert state.take(reading(10, '"1.8.0":1001'), T + 10)
    # All of a meter's times may be wrong, and then they are all there is.
    wrong = meter()
    far = 70 * 365 * 86_400
    assert [wrong.take(reading(far + at, '"1.8.0":5'), T + at) for at in (0, 179, 180, 185)] == [
        False,
        False,
        True,
        True,
    ]


def test_it_says_offline_until_a_reading_comes() -> None:
    state = meter()
    state.take(reading(0, '"1.7.0":1'), T)
    state.offline = True
    assert told(state, 1)["state"] == "offline"
    assert told(state, 1)["power_import_w"] == "1"
    assert not state.take(reading(0, '"1.7.0":1'), T + 2)  # repeated, so the adapter is not back
    assert told(state, 2)["state"] == "offline"
    state.take(reading(5, '"1.7.0":2', seq=2), T + 5)
    assert told(state, 5)["state"] == "online"


def test_what_is_kept_says_the_same_after_a_restart() -> None:
    state = meter()
    for i in range(3):
        state.take(reading(5 * i, '"16.7.0":-7.50,"1.8.0":0'), T + 5 * i)
    again = msgspec.json.decode(msgspec.json.encode(state), type=MeterState)
    assert told(again, 12) == told(state, 12)
    assert again.next_change(T + 12) == state.next_change(T + 12)
    assert not again.take(reading(10, '"16.7.0":1'), T + 12)


def test_gas_comes_when_it_changes_and_is_never_late_without_a_clock() -> None:
    gas = meter(submeter=True)
    gas.take(
        reading(0, '"24.2.1":92.287', clock="adapter", medium="gas", units={"24.2.1": "m3"}), T
    )
    document = told(gas, 90 * 86_400)
    assert (document["state"], document["gas_m3"]) == ("online", "92.287")
    heat = meter()
    heat.take(reading(0, '"24.2.2":12012000000', medium="heat", units={"24.2.2": "J"}), T)
    assert told(heat, 0)["heat_mj"] == "12012.000000"
    polled = meter()  # a main meter without a clock
    for at in (0, 3600, 7200):
        polled.take(
            reading(at, '"6-0:1.0.0":1', clock="adapter", medium="heat", units={"6-0:1.0.0": "J"}),
            T + at,
        )
    assert told(polled, 7200 + 3 * 3600)["state"] == "silent"


def test_a_code_in_no_table_keeps_its_digits_and_a_second_value_its_channel() -> None:
    state = meter()
    state.take(reading(0, '"1.8.0":1,"1-1:1.8.0":2,"96.50.0":3,"1-0:2.8.0":4'), T)
    document = told(state, 0)
    assert document["energy_import_kwh"] == "0.001"
    assert document["obis_1_1_1_8_0_kwh"] == "0.002"
    assert document["obis_96_50_0"] == "3"
    assert document["energy_export_kwh"] == "0.004"


def test_the_number_of_values_is_bounded() -> None:
    state = meter()
    for i in range(10):
        values = ",".join(f'"{i}.{j}.9":1' for j in range(50))
        state.take(reading(i, values, seq=i), T + i)
    assert len(state.values) == 64


def test_the_table_has_each_default_value_and_no_name_twice() -> None:
    fields = {code: quantity(code).field for code in quantities.ELECTRIC}
    assert len(set(fields.values())) == len(fields)
    assert set(ALLOWED) <= fields.keys()
    assert not [field for field in fields.values() if "." in field or field != field.lower()]


@pytest.mark.parametrize(
    ("code", "field"),
    [
        ("16.7.0", "power_w"),
        ("1.8.2", "energy_import_tariff_2_kwh"),
        ("3.8.0", "reactive_energy_import_kvarh"),
        ("51.7.0", "current_l2_a"),
        ("62.7.0", "power_export_l3_w"),
        ("1.6.0", "power_import_peak_w"),
        ("14.7.0", "frequency_hz"),
        ("96.14.0", "tariff"),
    ],
)
def test_names_say_the_unit(code: str, field: str) -> None:
    assert quantity(code).field == field
