"""Sub-meters in the Cloud: stored as meters of their own, with class, medium and units."""

import csv
import json
import urllib.request
from datetime import UTC, datetime
from typing import Any

import pytest
from smartmeter_cloud.history.consumption import bars
from smartmeter_cloud.history.energy import TIER_OF
from smartmeter_cloud.ingest.message import MessageBatch
from smartmeter_cloud.store.rows import Condition
from smartmeter_cloud.store.slices import HOUR_MS, RATES_MAX
from smartmeter_cloud.store.sql import SqlStore

from tests.cloud.api_process import Site, call
from tests.cloud.harness import encoded, reading
from tests.cloud.stores import VIENNA, add, opens, store

__all__ = ["opens", "store"]

MIDNIGHT = 1790028000  # 2026-09-22T00:00:00+02:00


def gas(seq: int, **more: Any) -> dict[str, Any]:
    return {
        **reading(seq, v24_2_1=92.287),
        "medium": "gas",
        "units": {"24.2.1": "m3"},
        **more,
    }


def got(site: Site, path: str) -> Any:
    status, answer, _ = call(site, "GET", path)
    assert status == 200, answer
    return answer


def asked(site: Site, code: str, **more: Any) -> Any:
    body = {"operationalProperties": [{"specificPropertyName": "OBIS_" + code, **more}]}
    status, answer, _ = call(site, "POST", "v1/meterReadings", body)
    assert status == 200, answer
    return answer["content"]


def bulk(site: Site, *codes: str) -> list[dict[str, str]]:
    wanted = [{"specificPropertyName": "OBIS_" + code} for code in codes]
    body = {"bulk": "csv", "operationalProperties": wanted}
    link = call(site, "POST", "v1/meterReadings", body)[1]["linkToBulk"]
    with urllib.request.urlopen(link, timeout=60) as answer:
        return list(csv.DictReader(answer.read().decode().splitlines()))


def meters(site: Site) -> dict[str, Any]:
    return {meter["id"]: meter for meter in got(site, "v1/meters")}


def test_a_sub_meter_has_a_class_a_medium_and_units(site: Site) -> None:
    site.add("m1", reading(1, v1_8_0=5, v24_2_1=92.287))
    site.add("m1-1", gas(1))
    site.add("m1-2", gas(1, medium="cooling", units={"24.2.1": "J", "9.9.9": "W"}))
    found = meters(site)
    assert (found["m1"]["class"], found["m1"]["medium"]) == ("ELECTRICITY", "electricity")
    assert (found["m1"]["units"], found["m1"]["silentAfter"]) == ({}, 60)
    assert (found["m1-1"]["class"], found["m1-1"]["medium"]) == ("GAS", "gas")
    assert found["m1-1"]["units"] == {"24.2.1": "m3"}
    assert found["m1-1"]["silentAfter"] == 86400  # it sends when its value changes
    assert (found["m1-2"]["class"], found["m1-2"]["medium"]) == ("HEAT", "cooling")
    assert found["m1-2"]["units"] == {"24.2.1": "J"}


def test_the_units_of_readings_are_those_of_their_meter(site: Site) -> None:
    site.add("m1", reading(1, v24_2_1=92.287))
    site.add("m1-1", gas(1))
    site.add("m1-2", gas(1, medium="heat", units={"24.2.1": "J"}))
    units = {row["meterId"]: row["propertyValues"][0]["unit"] for row in asked(site, "24.2.1")}
    assert units == {"m1": "", "m1-1": "m3", "m1-2": "J"}  # "": the main meter did not name it


def test_a_code_in_full_names_the_channel(site: Site) -> None:
    site.add("m1", reading(1, v1_8_0=5, **{"v0-2:24_2_1": 9}))
    site.add("m1-1", gas(1))
    site.add("m1-2", gas(1, medium="heat", units={"24.2.1": "J"}))
    (one,) = asked(site, "0-1:24.2.1")
    assert (one["meterId"], one["propertyValues"]) == (
        "m1-1",
        [{"propertyName": "OBIS_0-1:24.2.1", "numericalValue": 92.287, "unit": "m3"}],
    )
    found = {row["meterId"]: row["propertyValues"] for row in asked(site, "0-2:24.2.1")}
    assert found.keys() == {"m1", "m1-2"}
    assert found["m1-2"][0]["unit"] == "J"
    assert found["m1"][0]["numericalValue"] == 9
    assert [row["meterId"] for row in asked(site, "1-0:1.8.0")] == ["m1"]
    assert [row["meterId"] for row in asked(site, "0-2:24.2.1", numericalValueLessThan=50)] == [
        "m1"
    ]
    columns = bulk(site, "0-1:24.2.1", "0-2:24.2.1", "1-0:1.8.0")
    found = [{k: row[k] for k in row if k[:4] == "OBIS" and row[k]} for row in columns]
    assert found == [
        {"OBIS_0-2:24.2.1": "9", "OBIS_1-0:1.8.0 [Wh]": "5"},
        {"OBIS_0-1:24.2.1 [m3]": "92.287"},
        {"OBIS_0-2:24.2.1 [J]": "92.287"},
    ]
    assert [row["medium"] for row in columns] == ["", "gas", "heat"]


def test_an_array_of_readings_and_the_operational_property(site: Site) -> None:
    site.add("m1-1", gas(1), gas(2))
    assert meters(site)["m1-1"]["medium"] == "gas"
    properties = {p["obis"]: p["units"] for p in got(site, "v1/operationalProperties")}
    assert properties["24.2.1"] == ["m3", "J", "Wh"]


def test_a_code_in_full_is_the_same_code() -> None:
    batch = MessageBatch()
    document = reading(1)
    document["values"] = {"1-0:1.8.0": 7, "0-2:24.2.1": 8}
    batch.add("concentrator/c/smartMeterMessage/m/reading", encoded(document), 1_800_000_000_000)
    (row,) = batch.readings["m", "c"]
    assert row[7] == '{"0-2:24.2.1":8}'
    assert 7 in row[8:]
    document["values"] = {"1-0:24.2.1": 7}
    document |= {"medium": "gas", "units": {"1-0:24.2.1": "m3"}}
    batch.add("concentrator/c/smartMeterMessage/m-1/reading", encoded(document), 1_800_000_000_000)
    assert batch.media["m-1"].units == {"24.2.1": "m3"}


def test_a_wrong_medium_or_unit_is_a_dead_letter() -> None:
    for wrong in ({"medium": "beer"}, {"units": {"24.2.1": "x" * 17}}, {"units": 1}):
        batch = MessageBatch()
        topic = "concentrator/c/smartMeterMessage/m-1/reading"
        batch.add(topic, encoded(gas(1, **wrong)), 1_800_000_000_000)
        assert not batch.readings
        assert len(batch.dead) == 1


def test_texts_and_the_ratio_of_transformers(site: Site) -> None:
    peak = {
        "0-0:96.13.0": "Planned work\0",
        "1.6.0": "2026-09-03T18:45:00+02:00",
        "98.1.0": "2026-09-01T00:00:00+02:00,2026-08-14T19:00:00+02:00,4229",
    }
    kept = {**peak, "96.13.0": "Planned work\N{REPLACEMENT CHARACTER}"}
    del kept["0-0:96.13.0"]
    site.add("m1", {**reading(1, v1_8_0=5, v1_6_0=4100), "ratio": 60, "texts": peak})
    site.add("m1", reading(2, v1_8_0=6))
    newest = meters(site)["m1"]["newest"]
    assert (newest["texts"], newest["ratio"]) == ({}, 1)
    first, second = asked(site, "1.6.0"), asked(site, "1.8.0")
    assert [row.get("ratio") for row in second] == [60, None]
    assert first[0]["propertyValues"] == [
        {"propertyName": "OBIS_1.6.0", "numericalValue": 4100, "unit": "W",
         "textValue": "2026-09-03T18:45:00+02:00"},
    ]  # fmt: skip
    (message,) = asked(site, "0-0:96.13.0", textValueEqualTo="Planned work\0")
    assert message["propertyValues"] == [
        {"propertyName": "OBIS_0-0:96.13.0", "textValue": kept["96.13.0"]}
    ]
    assert asked(site, "96.13.0", textValueEqualTo="other") == []
    with_text, without = bulk(site, "1.8.0")
    assert (with_text["ratio"], without["ratio"], without["texts"]) == ("60", "", "")
    (row,) = bulk(site, "1.6.0")
    assert json.loads(row["texts"]) == {"1.6.0": "2026-09-03T18:45:00+02:00"}
    site.add("m1", {**reading(3, v1_8_0=7), "ratio": 60, "texts": peak})
    assert meters(site)["m1"]["newest"]["texts"] == kept
    texts = {p["obis"]: p["text"] for p in got(site, "v1/operationalProperties") if p["text"]}
    assert {"1.6.0", "96.13.0", "98.1.0", "99.97.0"} <= texts.keys()


@pytest.mark.parametrize(
    "wrong",
    [
        {"ratio": 0},
        {"ratio": 1.5},
        {"ratio": 100_001},
        {"texts": {"96.13.0": "x" * 1025}},
        {"texts": {"message": "x"}},
        {"texts": {"96.13.0": 1}},
        {"texts": []},
    ],
)
def test_a_wrong_ratio_or_text_is_a_dead_letter(wrong: dict[str, Any]) -> None:
    for document in (reading(1) | wrong, [reading(1) | wrong]):
        batch = MessageBatch()
        specific = "readings" if isinstance(document, list) else "reading"
        topic = f"concentrator/c/smartMeterMessage/m/{specific}"
        batch.add(topic, encoded(document), 1_800_000_000_000)
        assert not batch.readings
        assert len(batch.dead) == 1


def test_every_store_keeps_texts_and_the_ratio(store: SqlStore) -> None:
    add(store, "m", {**reading(1), "ratio": 60, "texts": {"96.13.0": "hello"}}, reading(2))
    first, second = store.readings("m", (0, -1), 2**60, (), (), 9)
    assert (first.ratio, first.texts) == (60, {"96.13.0": "hello"})
    assert (second.ratio, second.texts) == (1, {})
    equal = (Condition("96.13.0", "=", "hello"),)
    assert store.readings("m", (0, -1), 2**60, equal, ("96.13.0",), 9) == [first]
    assert store.readings("m", (0, -1), 2**60, (), ("96.13.0",), 9) == [first]


def at(hour: float, value: float, medium: str = "gas", unit: str = "m3") -> dict[str, Any]:
    """A value of 22 September 2026 in Vienna."""
    moment = datetime.fromtimestamp(MIDNIGHT + hour * 3600, UTC).isoformat()
    document = reading(round(hour * 60) + 10_000, moment, v24_2_1=value)
    return {**document, "medium": medium, "units": {"24.2.1": unit}}


def consumption(store: SqlStore, meter: str, by: str, medium: str = "m3") -> Any:
    while store.roll(50, 2**60):
        pass
    slices = store.slices(meter, TIER_OF[by], 0, 2**60)
    return bars(slices, by, VIENNA, RATES_MAX[medium])


def test_what_a_gas_meter_counted_in_hours_and_days(store: SqlStore) -> None:
    add(store, "m-1", *[at(hour, 100 + hour / 10) for hour in range(-2, 27)])
    hours, gaps = consumption(store, "m-1", "hour")
    assert not gaps
    assert {bar.used for bar in hours[:-1]} == {0.1}
    days, gaps = consumption(store, "m-1", "day")
    assert not gaps
    # The value of midnight says what flowed before it.
    assert [bar.used for bar in days] == [0.2, 2.4, 0.2]
    (month,), _ = consumption(store, "m-1", "month")
    assert month.used == 2.8
    _, gaps = consumption(store, "m-1", "quarter")  # in which quarter is not known
    assert round(sum(gap.used or 0 for gap in gaps), 6) == 2.8


def test_gas_of_an_outage_is_in_a_gap_and_a_new_meter_counts_nothing(store: SqlStore) -> None:
    add(store, "m-1", at(20, 100), at(21, 101), at(29, 109), at(30, 110))
    (first, second), (gap,) = consumption(store, "m-1", "day")
    assert (first.used, gap.used, second.used) == (1, 8, 1)
    add(store, "m-2", at(0, 6805.499), at(1, 1.287), at(2, 1.5))
    ((day,), gaps) = consumption(store, "m-2", "day")
    assert (round(day.used, 6), gaps) == (0.213, [])
    # A cubic metre is some 10 kWh: what energy may rise by is far too much for a volume.
    add(store, "m-3", at(0, 1.287), at(1, 6805.499))
    ((day,), _) = consumption(store, "m-3", "day")
    assert day.used == 0


def test_heat_is_in_its_own_unit_and_electricity_of_a_channel_in_wh(store: SqlStore) -> None:
    add(store, "m-1", *[at(i, 433_650_000_000 + i * 10**7, "heat", "J") for i in range(3)])
    ((day,), _) = consumption(store, "m-1", "day", "J")
    assert day.used == 2 * 10**7
    add(store, "m-2", *[at(i, 1000 * i, "electricity", "Wh") for i in range(3)])
    plain = {"medium": "electricity", "units": {"1.8.0": "Wh"}}
    add(store, "m-3", *[{**reading(i, v1_8_0=i), **plain} for i in range(3)])
    assert {meter.name: meter.medium.name for meter in store.meters()} == {
        "m-1": "heat", "m-2": "electricity", "m-3": "electricity",
    }  # fmt: skip
    ((day,), _) = consumption(store, "m-2", "day", "Wh")
    assert day.used == 2000
    ((day,), _) = consumption(store, "m-3", "day", "Wh")
    assert day.used == 2


def test_gas_is_no_energy_of_the_sum_over_all_households(store: SqlStore) -> None:
    for n in range(25):
        store.place_concentrator(f"c{n}", f"h{n}")
        batch = MessageBatch()
        for meter, document in (
            (f"m{n}", [reading(1, stamp(12), v1_8_0=0), reading(2, stamp(12.5), v1_8_0=100)]),
            (f"m{n}-1", [at(12, 5), at(12.5, 9)]),
        ):
            topic = f"concentrator/c{n}/smartMeterMessage/{meter}/readings"
            batch.add(topic, encoded(document), MIDNIGHT * 1000)
        store.write(batch)
    with store._writing() as db:
        db.run("UPDATE meter SET added = 0")
    while store.roll(100, 2**60):
        pass
    (hour,) = store.sums(0, 2**60, None, (MIDNIGHT + 10**6) * 1000)
    assert (hour.households, hour.drawn) == (25, 2500)


def test_consumption_by_the_api(site: Site) -> None:
    site.add("m1", reading(1, stamp(12), v1_8_0=1000), reading(2, stamp(12.1), v1_8_0=1100))
    site.add("m1-1", *[at(hour, 100 + hour / 10) for hour in range(-2, 27)])
    while site.store.roll(50, 2**60):
        pass
    span = "from=2026-09-22T03:00:00Z&to=2026-09-22T12:00:00Z&by="
    zone = got(site, "v1/meters/m1-1/consumption?" + span + "day")["zone"]
    answer = got(site, "v1/meters/m1-1/consumption?" + span + "hour")
    assert answer == {
        "by": "hour", "zone": zone, "medium": "gas", "property": "OBIS_24.2.1", "unit": "m3",
        "bars": [
            {"start": start, "end": start + HOUR_MS, "readings": 1, "used": 0.1}
            for start in (MIDNIGHT * 1000 + hour * HOUR_MS for hour in range(5, 14))
        ],
        "gaps": [],
    }  # fmt: skip
    electricity = got(site, "v1/meters/m1/consumption?" + span + "hour")
    assert (electricity["unit"], electricity["bars"][0]["used"]) == ("Wh", 100)
    status, problem, _ = call(site, "GET", "v1/meters/m1-1/energy?" + span + "day")
    assert (status, problem["detail"]) == (422, "this meter measures gas: ask for its consumption")
    assert call(site, "GET", "v1/meters/m9/consumption?" + span + "day")[0] == 404
    assert call(site, "GET", "v1/meters/m1-1/consumption?from=1970-01-01T00:00:00Z&to="
                "2026-09-22T12:00:00Z&by=quarter")[0] == 422  # fmt: skip


def stamp(hour: float) -> str:
    return datetime.fromtimestamp(MIDNIGHT + hour * 3600, UTC).isoformat()
