"""Sub-meters in the Cloud: stored as meters of their own, with class, medium and units."""

from typing import Any

from smartmeter_cloud.ingest.message import MessageBatch

from tests.cloud.api_process import Site, call
from tests.cloud.harness import encoded, reading
from tests.cloud.stores import opens, store

__all__ = ["opens", "store"]


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
    body = {"operationalProperties": [{"specificPropertyName": "OBIS_0-1:24.2.1"}]}
    status, answer, _ = call(site, "POST", "v1/meterReadings", body)
    assert status == 200, answer
    units = {row["meterId"]: row["propertyValues"][0]["unit"] for row in answer["content"]}
    assert units == {"m1": "", "m1-1": "m3", "m1-2": "J"}  # "": the main meter did not name it


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


def test_a_wrong_medium_or_unit_is_a_dead_letter() -> None:
    for wrong in ({"medium": "beer"}, {"units": {"24.2.1": "x" * 17}}, {"units": 1}):
        batch = MessageBatch()
        topic = "concentrator/c/smartMeterMessage/m-1/reading"
        batch.add(topic, encoded(gas(1, **wrong)), 1_800_000_000_000)
        assert not batch.readings
        assert len(batch.dead) == 1
