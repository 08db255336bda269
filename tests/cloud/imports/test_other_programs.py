"""Files of DSMR-reader, Home Assistant and InfluxDB."""

import json
import sqlite3
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from smartmeter_cloud.imports.dsmr_reader import DsmrReaderFile
from smartmeter_cloud.imports.home_assistant import HomeAssistantFile
from smartmeter_cloud.imports.line_protocol import LineProtocolFile
from smartmeter_cloud.imports.points import Source, Unreadable

AMSTERDAM = ZoneInfo("Europe/Amsterdam")

HOURS = """Hour Start,Electricity 1 (Dutch Users: Low Tariff),Electricity 2 (Dutch Users: Normal \
Tariff),Electricity 1 Returned (Dutch Users: Low Tariff),Electricity 2 Returned (Dutch Users: \
Normal Tariff),Gas
2026-11-01 00:00:00,0.251,0.0,0.0,0.0,0.1
2026-11-01 07:00:00,0.1,0.25,0.0,1.5,0.1
"""
DAYS = (
    "Datum," * 11 + "Tijdstip,E1,E2,E1,E2,Gastijd,Gas\n"
    "2026-11-01" + ",1.0" * 10 + ",2026-11-01 00:00:07,1000.001,2000.5,10.0,20.0,,\n"
)
READINGS = """id,timestamp,electricity_delivered_1,electricity_returned_1,electricity_delivered_2,\
electricity_returned_2,electricity_currently_delivered,electricity_currently_returned,\
phase_voltage_l1,phase_power_current_l1
1,2026-11-01 00:00:10+00,1000.001,10.000,2000.500,20.000,0.133,0.000,229.4,1
2,2026-11-01 00:00:20+00,1000.002,10.000,2000.500,20.000,0.133,0.000,,
3,nonsense,1,1,1,1,1,1,1,1
"""


def values(source: Source) -> dict[str, dict[str, float]]:
    """Values by UTC time and code; what adds up, added up."""
    found: dict[str, dict[str, float]] = {}
    for point in source.points():
        time = f"{datetime.fromtimestamp(point.time / 1000, UTC):%d %H:%M:%S}"
        codes = found.setdefault(time, {})
        codes[point.code] = codes.get(point.code, 0) + point.value
    return found


def written(folder: Path, text: str | bytes) -> Path:
    path = folder / "file"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_hours_of_dsmr_reader(tmp_path: Path) -> None:
    source = DsmrReaderFile(written(tmp_path, HOURS), AMSTERDAM)
    assert source.interval_ms == 3_600_000
    assert values(source) == {
        "31 23:00:00": {"1.29.0": 251, "2.29.0": 0},
        "01 06:00:00": {"1.29.0": 350, "2.29.0": 1500},
    }


def test_days_of_dsmr_reader_are_meter_readings(tmp_path: Path) -> None:
    assert values(DsmrReaderFile(written(tmp_path, DAYS), AMSTERDAM)) == {
        "31 23:00:07": {
            "1.8.1": 1_000_001, "1.8.2": 2_000_500, "1.8.0": 3_000_501,
            "2.8.1": 10_000, "2.8.2": 20_000, "2.8.0": 30_000,
        }
    }  # fmt: skip


def test_readings_of_dsmr_reader(tmp_path: Path) -> None:
    source = DsmrReaderFile(written(tmp_path, READINGS), AMSTERDAM)
    found = values(source)
    assert found["01 00:00:10"] == {
        "1.8.1": 1_000_001, "1.8.2": 2_000_500, "1.8.0": 3_000_501, "2.8.1": 10_000,
        "2.8.2": 20_000, "2.8.0": 30_000, "1.7.0": 133, "2.7.0": 0, "32.7.0": 229.4, "31.7.0": 1,
    }  # fmt: skip
    assert found["01 00:00:20"]["1.8.0"] == 3_000_502
    assert source.skipped.first == ["line 4: 'nonsense' is not a time"]


def test_another_file_is_not_dsmr_readers(tmp_path: Path) -> None:
    with pytest.raises(Unreadable, match="is not an export of DSMR-reader: hours have 6 columns"):
        DsmrReaderFile(written(tmp_path, "a,b\n1,2\n"), AMSTERDAM)


NOON = 1_793_534_400  # 2026-11-01T12:00:00Z
STATISTICS = {"1.8.0": "sensor.cellar_energy_import", "2.8.0": "sensor.cellar_energy_export"}
OF_HOME_ASSISTANT = {
    "01 12:59:59": {"1.8.0": 1_136_784, "2.8.0": 5000},
    "01 13:59:59": {"1.8.0": 1_137_000},
}


def test_home_assistants_database(tmp_path: Path) -> None:
    path = tmp_path / "home-assistant_v2.db"
    with sqlite3.connect(path) as db:
        db.execute(
            "CREATE TABLE statistics_meta (id INTEGER PRIMARY KEY, statistic_id TEXT, source TEXT, "
            "unit_of_measurement TEXT, has_sum INTEGER)"
        )
        db.execute(
            "CREATE TABLE statistics (metadata_id INTEGER, start_ts REAL, state REAL, sum REAL)"
        )
        db.execute(
            "INSERT INTO statistics_meta VALUES (1, 'sensor.cellar_energy_import', 'recorder', "
            "'kWh', 1), (2, 'sensor.cellar_energy_export', 'recorder', 'Wh', 1)"
        )
        db.execute(
            f"INSERT INTO statistics VALUES (1, {NOON}, 1136.784, 1), (1, {NOON + 3600}, 1137, 2), "
            f"(2, {NOON}, 5000, 0), (1, {NOON + 7200}, NULL, 2)"
        )
    db.close()
    assert values(HomeAssistantFile(path, STATISTICS, "")) == OF_HOME_ASSISTANT
    with pytest.raises(Unreadable, match=r"has no statistic sensor\.x"):
        values(HomeAssistantFile(path, {"1.8.0": "sensor.x"}, ""))


@pytest.mark.parametrize("wrapped", [False, True])
def test_the_json_of_home_assistant(tmp_path: Path, wrapped: bool) -> None:
    hours = {
        STATISTICS["1.8.0"]: [
            {"start": NOON * 1000, "end": (NOON + 3600) * 1000, "state": 1136.784, "sum": 1},
            {"start": (NOON + 3600) * 1000, "end": (NOON + 7200) * 1000, "state": 1137},
        ],
        STATISTICS["2.8.0"]: [{"start": NOON * 1000, "end": 0, "state": 5}],
    }
    document: Any = {"id": 7, "type": "result", "success": True, "result": hours}
    path = written(tmp_path, json.dumps(document if wrapped else hours))
    assert values(HomeAssistantFile(path, STATISTICS, "")) == OF_HOME_ASSISTANT


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"[]", "is not the answer to recorder/statistics_during_period"),
        (b"[" * 100_000, "is not the answer"),
        (b'{"sensor.x": []}', "has no statistic sensor.cellar_energy_import"),
        (b"SQLite format 3\0" + bytes(5000), "is not Home Assistant's database"),
    ],
)
def test_what_is_not_home_assistants(tmp_path: Path, data: bytes, sentence: str) -> None:
    with pytest.raises(Unreadable, match=sentence):
        values(HomeAssistantFile(written(tmp_path, data), STATISTICS, ""))


LINES = f"""# DML
meter,house=a\\ b,note=x 1.8.0=1136784i,1-0:2.8.0=7.5,text="a, b=\\"c\\" ",on=true {NOON}000000000
meter,house=a\\ b,note=x OBIS_32.7.0=229.4 {NOON}000000000
meter,house=other 1.8.0=5i {NOON + 5}000000000
meter,house=a\\ b,note=x 1.8.0=abc {NOON}000000000
meter,house=a\\ b nothing
meter,house=a\\ b,note=x 1.8.0=1
"""


def lines(folder: Path, text: str, **more: Any) -> LineProtocolFile:
    options: dict[str, Any] = {"fields": {}, "tags": {}, "unit": "", "precision": "ns"} | more
    return LineProtocolFile(written(folder, text), **options)


def test_line_protocol(tmp_path: Path) -> None:
    source = lines(tmp_path, LINES, tags={"house": "a b"})
    assert values(source) == {
        "01 12:00:00": {"1.8.0": 1_136_784, "2.8.0": 7.5, "32.7.0": 229.4},
    }
    assert source.skipped.first == [
        "line 5: field 1.8.0 is not a number",
        "line 6: a field has no value",
        "line 7: there is no time at its end",
    ]
    with pytest.raises(Unreadable, match=r"more than one series has 1\.8\.0; choose one by --tag"):
        values(lines(tmp_path, LINES))


def test_line_protocol_of_home_assistant(tmp_path: Path) -> None:
    text = "".join(
        f'kWh,domain=sensor,entity_id={name} value={value},friendly_name_str="x" {NOON}\n'
        for name, value in (("cellar", 1136.784), ("car", 7))
    )
    fields = {"1.8.0": "value"}
    source = lines(tmp_path, text, fields=fields, tags={"entity_id": "cellar"}, precision="s")
    assert values(source) == {"01 12:00:00": {"1.8.0": 1_136_784}}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("a b\n", "is not line protocol \\(line 1: a field has no value"),
        ("cpu usage=7 1\n", "has no field with a known code; name it, as --column 1.8.0=FIELD"),
        ("", "has no field with a known code"),
    ],
)
def test_what_is_not_line_protocol(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(Unreadable, match=sentence):
        values(lines(tmp_path, text))


def test_a_unit_that_does_not_fit(tmp_path: Path) -> None:
    with pytest.raises(Unreadable, match=r"1\.8\.0 is measured in Wh, kWh, MWh, not in 'V'"):
        values(lines(tmp_path, f"a 1.8.0=1 {NOON}\n", unit="V"))
