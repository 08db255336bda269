"""A few minutes of the week that `make soak` simulates."""

from pathlib import Path

import pytest

from tests.firmware.rig import ONE_WORD_SIZE
from tools.soak.__main__ import RAW, READING, soak
from tools.soak.adapter_run import Way


@ONE_WORD_SIZE
@pytest.mark.parametrize(("way", "count"), [(READING, 240), (RAW, 150)], ids=["c3", "classic"])
def test_a_short_soak_loses_nothing(
    way: Way, count: int, tmp_path: Path, flash_image: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """c3 has each kind of trouble, classic the update and a loss of Wi-Fi."""
    good = soak(tmp_path, count, first=60, unbroken=90, every=30, image=flash_image, way=way)
    said = capsys.readouterr().out
    assert good, said
    assert f"no reading lost: 0 of {count}" in said
