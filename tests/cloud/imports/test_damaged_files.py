"""Damaged files: whatever is in them, there are points, or one sentence."""

import random
from collections.abc import Callable
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from smartmeter_cloud.imports.dsmr_reader import DsmrReaderFile
from smartmeter_cloud.imports.grid_operator import GridOperatorFile, Options
from smartmeter_cloud.imports.home_assistant import HomeAssistantFile
from smartmeter_cloud.imports.line_protocol import LineProtocolFile
from smartmeter_cloud.imports.points import Source, Unreadable

from tests.cloud.imports.test_grid_operator import AUSTRIA, BELGIUM, GERMANY, SWITZERLAND
from tests.cloud.imports.test_other_programs import DAYS, HOURS, LINES, READINGS

VIENNA = ZoneInfo("Europe/Vienna")
JSON = '{"sensor.x": [{"start": 1793534400000, "end": 1793538000000, "state": 1136.784, "sum": 1}]}'
PIECES = [b"\0", b"\xff", b";", b",", b'"', b"\n", b"9" * 30, b"-", b"24:00", b"00.00.0000"]
PIECES += [b"31.12.9999 24:00", b"01.01.0001 00:00", b"1e999", b"NaN", b"Infinity", b"\xe2\x82"]
PIECES += [b"9999-12-31T23:59:59+23:59", b"\\", b"=", b"[", b"{"]


def operator(path: Path) -> Source:
    return GridOperatorFile(path, Options(VIENNA))


def line_protocol(path: Path) -> Source:
    return LineProtocolFile(path, {}, {"house": "a b"}, "", "s")


def damaged(text: str, choice: random.Random) -> bytes:
    data = bytearray(text.encode())
    for _ in range(choice.randint(1, 6)):
        at = choice.randrange(len(data) + 1)
        match choice.randrange(4):
            case 0:
                del data[at : at + choice.randint(1, 30)]
            case 1:
                data[at:at] = choice.choice(PIECES)
            case 2:
                data[at : at + 1] = bytes([choice.randrange(256)])
            case 3:
                end = at + choice.randint(1, 60)
                data[at:at] = data[at:end]
    return bytes(data)


@pytest.mark.parametrize(
    ("text", "made"),
    [
        (AUSTRIA, operator),
        (GERMANY, operator),
        (SWITZERLAND, operator),
        (BELGIUM, operator),
        (HOURS, lambda path: DsmrReaderFile(path, VIENNA)),
        (DAYS, lambda path: DsmrReaderFile(path, VIENNA)),
        (READINGS, lambda path: DsmrReaderFile(path, VIENNA)),
        (JSON, lambda path: HomeAssistantFile(path, {"1.8.0": "sensor.x"}, "")),
        (LINES, line_protocol),
    ],
    ids=lambda value: "" if callable(value) else value[:9],
)
def test_any_file(tmp_path: Path, text: str, made: Callable[[Path], Source]) -> None:
    choice = random.Random(text)
    path = tmp_path / "file"
    read, sentences = 0, []
    for _ in range(100):
        path.write_bytes(damaged(text, choice))
        try:
            source = made(path)
            for point in source.points():
                assert isinstance(point.time, int)
                assert abs(point.value) < 1e15
                read += 1
        except Unreadable as e:
            sentences.append(str(e))
    assert read
    assert all(sentence and "\n" not in sentence for sentence in sentences)
