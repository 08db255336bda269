"""Captures from public reports give what reports.json says, and the tool notices what does not."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tools.conformance import reports
from tools.meters import forms
from tools.meters.household import Household

WHEN = datetime(2026, 7, 5, 20, 10, 5, tzinfo=UTC)


@pytest.mark.skipif(not reports.FOLDER.is_dir(), reason="the captures are not on this machine")
def test_all_captures_give_what_they_should(capsys: pytest.CaptureFixture[str]) -> None:
    assert reports.report(reports.FOLDER) == 0, capsys.readouterr().out


def test_what_is_wrong_is_said() -> None:
    capture, truth = forms.make("p1-israel", Household(3)).telegram(WHEN)
    right = {"zone": "Asia/Jerusalem", "time": truth["time"], "values": {"1-0:14.7.0": "50"}}
    assert list(reports.misses(capture, right)) == ["1-0:14.7.0 [], not 50"]
    assert str(truth["time"]).endswith("+03:00")
    wrong = {"time": truth["time"], "meter": "X", "texts": {"0-0:96.13.0": "x"}, "values": {}}
    found = list(reports.misses(capture, wrong))
    assert found[0] == f"time 2026-07-05T23:10:05+02:00, not {truth['time']}"
    assert found[1].startswith("meter K")
    assert found[1].endswith(", not X")
    assert found[2] == "0-0:96.13.0 None, not 'x'"
    assert list(reports.misses(b"noise noise noise", right))[-1] == "no reading"


def test_a_capture_without_an_entry_is_a_failure(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert reports.report(tmp_path) == 2
    (tmp_path / "unheard_of.bin").write_bytes(b"x")
    assert reports.report(tmp_path) == 1
    assert "unheard_of: reports.json does not say" in capsys.readouterr().out


def test_the_expected_values_can_be_read() -> None:
    expected = json.loads(reports.EXPECTED.read_text(encoding="utf-8"))
    assert all("values" in entry for entry in expected.values())
