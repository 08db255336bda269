"""The specification's POST and DELETE /v1/meterReadings, and the bulk download."""

import csv
import io
import urllib.request
from typing import Any

import pyarrow.parquet
import pytest
from smartmeter_cloud.history import bulk
from smartmeter_cloud.ingest.message import MessageBatch
from smartmeter_cloud.store import query
from smartmeter_cloud.store.sql import SqlStore

from tests.cloud.api.test_api import at
from tests.cloud.api_process import Site, call
from tests.cloud.harness import encoded, reading
from tests.cloud.stores import add, opens, store

__all__ = ["opens", "store"]


TEXT = {"textValueEqualTo": 5}


def asked(site: Site, **body: Any) -> Any:
    status, answer, _ = call(site, "POST", "v1/meterReadings", body)
    assert status == 200, answer
    return answer


def seqs(answer: Any) -> list[tuple[str, str]]:
    return [(row["meterId"], row["readingTime"][14:19]) for row in answer["content"]]


def test_the_form_of_the_specification(site: Site) -> None:
    site.add("m1", reading(1, "2026-09-22T02:00:00+02:00", v1_8_0=1136784, v32_7_0=229.4, v9_9_9=1))
    assert asked(site) == {
        "page": {"pageNumber": 0, "pageSize": 100, "hasNext": False},
        "content": [
            {
                "readingTime": "2026-09-22T02:00:00+02:00",
                "meterId": "m1",
                "propertyValues": [
                    {"propertyName": "OBIS_1.8.0", "numericalValue": 1136784, "unit": "Wh"},
                    {"propertyName": "OBIS_32.7.0", "numericalValue": 229.4, "unit": "V"},
                    {"propertyName": "OBIS_9.9.9", "numericalValue": 1, "unit": ""},
                ],
            }
        ],
    }
    site.add("m1", reading(2, "2001-01-01T00:00:00Z"))
    assert asked(site)["content"][0]["faultCode"] == "CLOCK"


def test_filters(site: Site) -> None:
    for meter in ("m1", "m2"):
        rows = [at(60 * i, v1_7_0=100 * i, v14_7_0=50 + i) for i in range(5)]
        site.add(meter, *rows, at(300, v1_8_0=7))
    between = {"readingTimeStart": "2026-09-22T00:01:00Z", "readingTimeEnd": "2026-09-22T00:03:00Z"}
    assert seqs(asked(site, **between)) == [
        ("m1", "01:00"), ("m1", "02:00"), ("m2", "01:00"), ("m2", "02:00"),
    ]  # fmt: skip
    local = {"readingTimeStart": "2026-09-22T02:04:00+02:00", "meterIds": ["m2", "m3"]}
    assert seqs(asked(site, **local)) == [("m2", "04:00"), ("m2", "05:00")]

    def having(**condition: Any) -> list[str]:
        answer = asked(site, meterIds=["m1"], operationalProperties=[condition])
        return [row[1] for row in seqs(answer)]

    name = {"specificPropertyName": "OBIS_1.7.0"}
    assert having(**name) == ["00:00", "01:00", "02:00", "03:00", "04:00"]
    assert having(**name, numericalValueGreaterThan=200) == ["03:00", "04:00"]
    assert having(**name, numericalValueLessThan=100) == ["00:00"]
    assert having(**name, numericalValueEqualTo=300) == ["03:00"]
    assert having(**name, numericalValueGreaterThan=0, numericalValueLessThan=200) == ["01:00"]
    assert having(specificPropertyName="OBIS_14.7.0", numericalValueGreaterThan=53) == ["04:00"]
    assert having(specificPropertyName="OBIS_99.99.99") == []
    only = asked(site, meterIds=["m1"], maxRows=1, operationalProperties=[name])
    assert [v["propertyName"] for v in only["content"][0]["propertyValues"]] == ["OBIS_1.7.0"]


def test_pages(site: Site) -> None:
    site.add("m1", *[at(i) for i in range(7)])
    site.add("m2", *[at(i) for i in range(7)])
    seen = []
    for number in range(9):
        answer = asked(site, pageNumber=number, pageSize=3, maxRows=13)
        seen += seqs(answer)
        if not answer["page"]["hasNext"]:
            break
    assert number == 4
    assert len(seen) == len(set(seen)) == 13


@pytest.mark.parametrize(
    "body",
    [
        {"pageSize": 0},
        {"pageSize": 1001},
        {"pageNumber": -1},
        {"maxRows": 0},
        {"readingTimeStart": "yesterday"},
        {"readingTimeStart": "2026-09-22T00:00:00"},
        {"operationalProperties": [{}]},
        {"operationalProperties": [{"specificPropertyName": "x' OR 1=1"}]},
        {"operationalProperties": [{"specificPropertyName": "OBIS_1.7.0"} | TEXT]},
        {"operationalProperties": [{"specificPropertyName": "OBIS_1.7.0"}] * 65},
        {"meterIds": "m1"},
        {"bulk": "exe"},
        {"limit": 5},
        [],
        7,
    ],
)
def test_a_body_that_is_not_understood(site: Site, body: Any) -> None:
    status, document, _ = call(site, "POST", "v1/meterReadings", body)
    assert status == 422
    assert document["detail"]


def download(site: Site, **body: Any) -> bytes:
    link = asked(site, **body)["linkToBulk"]
    with urllib.request.urlopen(link, timeout=60) as answer:
        return bytes(answer.read())


MORE = ("OBIS_13", "OBIS_14", "OBIS_24")


def test_bulk_as_csv_and_parquet(site: Site) -> None:
    for start in range(0, 25_000, 5000):
        site.add("m1", *[at(i, v1_8_0=i, v1_7_0=i % 100 + 0.5) for i in range(start, start + 5000)])
    wide = {"maxRows": 10**9}
    rows = list(csv.DictReader(io.StringIO(download(site, **wide).decode())))
    assert len(rows) == 25_000
    row = rows[7]
    values = row["OBIS_1.8.0 [Wh]"], row["OBIS_1.7.0 [W]"], row["OBIS_2.8.0 [Wh]"]
    assert values == ("7", "7.5", "")
    assert row["readingTime"] == "2026-09-22T00:00:07+00:00"
    assert row["readingTimeUtc"] == "2026-09-22T00:00:07Z"
    assert (row["clock"], row["auth"], row["seq"]) == ("meter", "verified", "7")
    table = pyarrow.parquet.read_table(io.BytesIO(download(site, bulk="parquet")))
    assert table.num_rows == 25_000
    assert table["OBIS_1.8.0 [Wh]"].to_pylist() == list(range(25_000))
    assert table.schema.field("OBIS_1.8.0 [Wh]").metadata == {b"unit": b"Wh"}
    assert table["seq"].to_pylist() == list(range(25_000))
    assert set(table["clock"].to_pylist()) == {"meter"}
    assert set(table["auth"].to_pylist()) == {"verified"}
    some = [{"specificPropertyName": "OBIS_1.8.0", "numericalValueLessThan": 3}]
    few = download(site, bulk="csv", operationalProperties=some).decode()
    head = "meterId,readingTime,readingTimeUtc,clock,auth,seq,faultCode,OBIS_1.8.0 [Wh],"
    assert few.splitlines()[0] == head + "ratio,medium,texts"
    assert len(few.splitlines()) == 4


def test_bulk_has_every_code_in_its_unit(store: SqlStore) -> None:
    """What meters sent beside the default codes was lost; pandas takes the UTC column."""
    gas = {"medium": "gas", "units": {"24.2.1": "m3"}}
    heat = {"medium": "heat", "units": {"24.2.1": "Wh"}}
    add(store, "m1", at(0, v1_8_0=1, v14_7_0=50.01), at(86_400 * 200, v1_8_0=2, v13_7_0=0.9))
    add(store, "m1-1", reading(5, "2026-09-22T02:00:05+02:00", v24_2_1=7.5) | gas)
    add(store, "m1-2", at(6, v24_2_1=900) | heat)
    wanted = query.Query(("m1", "m1-1", "m1-2"), 0, query.FAR_MS)
    text = b"".join(bulk.stream("csv", store, wanted)).decode()
    rows = list(csv.DictReader(io.StringIO(text)))
    found = [{name: r[name] for name in r if name[:7] in MORE and r[name]} for r in rows]
    assert found == [
        {"OBIS_14.7.0 [Hz]": "50.01"},
        {"OBIS_13.7.0": "0.9"},
        {"OBIS_24.2.1 [m3]": "7.5"},
        {"OBIS_24.2.1 [Wh]": "900"},
    ]
    times = [r["readingTimeUtc"] for r in rows]
    assert times[::2] == ["2026-09-22T00:00:00Z", "2026-09-22T00:00:05Z"]
    table = pyarrow.parquet.read_table(io.BytesIO(b"".join(bulk.stream("parquet", store, wanted))))
    assert table.num_rows == 4
    assert table["OBIS_24.2.1 [m3]"].to_pylist() == [None, None, 7.5, None]
    few = query.Query(("m1-2",), 0, query.FAR_MS, ("24.2.1",))
    assert (
        b"".join(bulk.stream("csv", store, few))
        .splitlines()[0]
        .endswith(b",OBIS_24.2.1 [Wh],ratio,medium,texts")
    )


def test_a_link_is_not_to_be_guessed_and_ends(site: Site) -> None:
    assert call(site, "GET", "v1/bulk/guess")[0] == 404
    link = asked(site, bulk="csv")["linkToBulk"]
    with site.store._writing() as db:
        db.run("UPDATE download SET until = 1")
    assert call(site, "GET", link.removeprefix(site.api.address))[0] == 404


def test_a_deleted_meter_is_gone_from_every_tier(site: Site) -> None:
    site.add("m1", at(0, v1_8_0=1), at(10, v1_8_0=2))
    site.add("m2", at(0, v1_8_0=1))
    while site.store.roll(9, 2**60):
        pass
    assert call(site, "DELETE", "v1/meterReadings?id=m1")[0] == 200
    assert call(site, "DELETE", "v1/meterReadings?id=m1")[0] == 404
    assert seqs(asked(site)) == [("m2", "00:00")]
    assert site.store.slices("m1", "day", 0, 2**60) == []
    assert call(site, "DELETE", "v1/meterReadings")[0] == 422


def test_the_properties_are_listed(site: Site) -> None:
    known = {p["name"]: p for p in site.api.get("v1/operationalProperties")}
    assert known["OBIS_1.8.0"]["units"] == ["Wh"]
    assert known["OBIS_72.7.0"]["description"] == "Voltage in phase L3"


def test_every_store_pages_alike(store: SqlStore) -> None:
    batch = MessageBatch()
    same = [at(5) | {"seq": n} for n in range(10)]
    batch.add("concentrator/c/smartMeterMessage/m1/readings", encoded(same), 1790071200_000)
    store.write(batch)
    add(store, "m1", at(4), at(6))
    after, seen = (0, -1), []
    while page := store.readings("m1", after, 2**60, (), (), 3):
        seen += [r.seq for r in page]
        after = page[-1].time, page[-1].seq
    assert seen == [4, *range(10), 6]
