"""A few minutes of the week that `make soak` simulates."""

from pathlib import Path

import pytest

from tools.debian import Unavailable
from tools.prepare import program
from tools.soak import soak


def test_a_short_soak_loses_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    try:
        program("micropython32")
    except Unavailable as why:
        pytest.skip(str(why))
    good = soak(tmp_path, 180, first=60, away=120)
    said = capsys.readouterr().out
    assert good, said
    assert "no reading lost: 0 of 180" in said
