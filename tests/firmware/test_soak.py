"""A few minutes of the week that `make soak` simulates."""

from pathlib import Path

import pytest

from tests.firmware.rig import ONE_WORD_SIZE
from tools.soak.__main__ import soak


@ONE_WORD_SIZE
def test_a_short_soak_loses_nothing(
    tmp_path: Path, flash_image: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good = soak(tmp_path, 240, first=60, unbroken=90, every=30, image=flash_image)
    said = capsys.readouterr().out
    assert good, said
    assert "no reading lost: 0 of 240" in said
