"""CSV files of grid operators, in the shapes that five countries have."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from smartmeter_cloud.imports.grid_operator import GridOperatorFile, Options
from smartmeter_cloud.imports.points import Point, Unreadable

VIENNA = ZoneInfo("Europe/Vienna")

AUSTRIA = """Datum;Zeit von;Zeit bis;Verbrauch [kWh]
01.11.2026;00:00;00:15;0,055
01.11.2026;00:15;00:30;0,125
01.11.2026;23:45;00:00;1,5
"""
GERMANY = """Zählpunkt;DE0001234567890
Zeitraum;01.11.2026 - 02.11.2026

Zeitstempel;Wert (kWh);Status
01.11.2026 00:15;0,055;W
01.11.2026 00:30;0,125;W
02.11.2026 00:00;1.234,5;W
"""
SWITZERLAND = """Timestamp,Bezug (kWh),Rücklieferung (kWh)
2026-11-01T00:00:00+01:00,0.055,0
2026-11-01T00:15:00+01:00,0.125,0.01
2026-11-01T23:45:00+01:00,1'500,
"""
BELGIUM = """Van (datum);Van (tijdstip);Tot (datum);Tot (tijdstip);EAN-code;Meter;Metertype;\
Register;Volume;Eenheid;Validatiestatus;Omschrijving
01-11-2026;00:00:00;01-11-2026;00:15:00;541448;1SAG;Digitaal;Afname Nacht;0,055;kWh;Gevalideerd;
01-11-2026;00:00:00;01-11-2026;00:15:00;541448;1SAG;Digitaal;Injectie Nacht;0,01;kWh;Gevalideerd;
01-11-2026;00:15:00;01-11-2026;00:30:00;541448;1SAG;Digitaal;Afname Nacht;0,125;kWh;Gevalideerd;
01-11-2026;00:30:00;01-11-2026;00:45:00;541448;1SAG;Digitaal;Afname Nacht;;kWh;Geen gegevens;
01-11-2026;23:45:00;02-11-2026;00:00:00;541448;1SAG;Digitaal;Afname Dag;1,5;kWh;Gevalideerd;
"""
NETHERLANDS = """"Datum","Tijd","Levering","Teruglevering"
"1-11-2026","00:00","0.055","0"
"1-11-2026","00:15","0.125","0.01"
"1-11-2026","23:45","1.5","0"
"""
MEAN_POWER = """Zeit von;Leistung Bezug [kW]
01.11.2026 00:00;0,22
01.11.2026 00:15;0,5
01.11.2026 23:45;6
"""


def source(folder: Path, text: str | bytes, **options: Any) -> GridOperatorFile:
    path = folder / "values.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return GridOperatorFile(path, Options(VIENNA, **options))


def drawn(points: list[Point]) -> list[tuple[str, float]]:
    """(start in UTC, Wh) of imported energy."""
    return [(start(p), p.value) for p in points if p.code == "1.29.0"]


def start(point: Point) -> str:
    return f"{datetime.fromtimestamp(point.time / 1000, UTC):%d %H:%M}"


@pytest.mark.parametrize(
    ("text", "last"),
    [
        (AUSTRIA, 1500),
        (GERMANY, 1_234_500),
        (SWITZERLAND, 1_500_000),
        (BELGIUM, 1500),
        (NETHERLANDS, 1500),
        (MEAN_POWER, 1500),
    ],
    ids=["Austria", "Germany", "Switzerland", "Belgium", "Netherlands", "mean power"],
)
@pytest.mark.parametrize("encoding", ["utf-8-sig", "cp1252", "utf-16"])
def test_shapes_are_recognised(tmp_path: Path, text: str, last: float, encoding: str) -> None:
    made = source(tmp_path, text.replace("\n", "\r\n").encode(encoding))
    assert made.interval_ms == 900_000
    points = list(made.points())
    assert drawn(points) == [("31 23:00", 55), ("31 23:15", 125), ("01 22:45", last)]
    assert [p.value for p in points if p.code == "2.29.0" and p.value] in ([], [10])


def test_what_a_line_lacks_is_one_sentence(tmp_path: Path) -> None:
    made = source(tmp_path, BELGIUM)
    list(made.points())
    assert (made.skipped.count, made.skipped.first) == (1, ["line 5: there is no value"])
    wrong = AUSTRIA + "01.11.2026;25:00;00:15;1\n01.11.2026;01:00\n01.11.2026;01:00;01:15;much\n"
    made = source(tmp_path, wrong)
    assert len(list(made.points())) == 3
    assert made.skipped.first == [
        "line 5: '25:00' is not a time",
        "line 6: there are too few columns",
        "line 7: 'much' is not a number",
    ]


def quarters(day: datetime, hours: int, falling: bool = False) -> str:
    """A local day with a value for each quarter of an hour, as operators write it."""
    begin = day.astimezone(UTC)
    times = [(begin + timedelta(minutes=15 * i)).astimezone(VIENNA) for i in range(hours * 4)]
    lines = [f"{t:%d.%m.%Y %H:%M};{i}" for i, t in enumerate(times)]
    return "\n".join(["Beginn;Verbrauch (Wh)", *(lines[::-1] if falling else lines)])


@pytest.mark.parametrize("falling", [False, True])
@pytest.mark.parametrize(
    ("day", "hours"), [((2026, 10, 25), 25), ((2026, 3, 29), 23), ((2026, 7, 1), 24)]
)
def test_clock_changes(
    tmp_path: Path, day: tuple[int, int, int], hours: int, falling: bool
) -> None:
    begin = datetime(*day, tzinfo=VIENNA)
    points = list(source(tmp_path, quarters(begin, hours, falling)).points())
    expected = [int(begin.timestamp()) * 1000 + i * 900_000 for i in range(hours * 4)]
    assert [p.time for p in sorted(points)] == expected
    assert [p.value for p in sorted(points)] == list(range(hours * 4))


def test_a_time_that_does_not_exist_is_told(tmp_path: Path) -> None:
    text = "Beginn;kWh\n29.03.2026 01:45;1\n29.03.2026 02:00;1\n29.03.2026 02:15;1\n"
    made = source(tmp_path, text)
    assert len(list(made.points())) == 1
    assert "does not exist, because of summer time" in made.skipped.first[0]


def test_meter_readings_and_named_columns(tmp_path: Path) -> None:
    text = "Zeit;A;B\n2026-11-01 00:00:00;12345.678;7\n2026-11-01 06:00:00;12346;8\n"
    made = source(tmp_path, text, columns={"1.8.0": "A", "2.8.0": "b"}, unit="kWh", times=["Zeit"])
    assert made.interval_ms == 0
    found = [(start(p), p.code, p.value) for p in made.points()]
    assert found == [
        ("31 23:00", "1.8.0", 12_345_678), ("31 23:00", "2.8.0", 7000),
        ("01 05:00", "1.8.0", 12_346_000), ("01 05:00", "2.8.0", 8000),
    ]  # fmt: skip


def test_tariffs_in_two_columns_add_up(tmp_path: Path) -> None:
    text = "Beginn;Bezug HT (kWh);Bezug NT (kWh)\n1.11.2026 00:00;1;2\n1.11.2026 00:15;3;4\n"
    points = list(source(tmp_path, text).points())
    assert [p.value for p in points] == [1000, 2000, 3000, 4000]
    assert points[0].series != points[1].series


@pytest.mark.parametrize(
    ("text", "options", "sentence"),
    [
        ("", {}, "no line with a date"),
        ("\x00\x01\x02" * 300, {}, "no line with a date"),
        ("Datum;kWh\n01.11.2026;5\n02.11.2026;6\n", {}, "a value for each day only"),
        ("Zeit;A;B\n1.11.2026 00:00;1;2\n1.11.2026 00:15;1;2\n", {}, "name it by --column"),
        (AUSTRIA, {"columns": {"1.29.0": "Volt"}}, "has no column 'Volt'; its columns: 'Datum'"),
        (AUSTRIA, {"times": ["Uhr"]}, "has no column 'uhr'"),
        ("Zeit;kWh\n1.11.2026 10:15;1\n1.11.2026 10:30;1\n", {}, "say --stamp start or"),
        ("Zeit;kWh\n1.11.2026 10:15;1\n1.11.2026 22:15;1\n", {}, "12:00:00 apart"),
        ("Zeit;kWh\n1.11.2026 10:15;1\n", {}, "a single one apart"),
        (";".join("a" * 300) + "\n", {}, "more than 200 columns"),
        ("a" * 70_000, {}, "a line of more than 65536 letters"),
    ],
)
def test_what_cannot_be_read_is_one_sentence(
    tmp_path: Path, text: str, options: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(Unreadable, match=sentence):
        source(tmp_path, text, **options)


def test_gas_is_not_imported_as_electricity(tmp_path: Path) -> None:
    made = source(tmp_path, BELGIUM.replace("kWh", "m3"))
    assert not list(made.points())
    assert "'m3' is not a unit of electricity" in made.skipped.first[0]
    made = source(tmp_path, AUSTRIA.replace("kWh", "m³"))
    assert not list(made.points())


def test_the_stamp_may_be_said(tmp_path: Path) -> None:
    text = "Zeit;kWh\n1.11.2026 10:15;1\n1.11.2026 10:30;1\n"
    assert start(next(source(tmp_path, text, stamp="start").points())) == "01 09:15"
    assert start(next(source(tmp_path, text, stamp="end").points())) == "01 09:00"
