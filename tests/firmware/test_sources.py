"""The sources of the firmware on a board, without `python -m tools.flash`."""

import shutil
from pathlib import Path

import pytest

from tests.firmware.rig import FIRMWARE, ONE_WORD_SIZE, Setup, TestMeter, Wire, mpremote
from tools.virtual_board import VirtualBoard


@pytest.fixture
def installed(binary: str, tmp_path: Path) -> Path:
    """The flash of a board with the sources, as firmware/README.md copies them."""
    files = tmp_path / "files"
    shutil.copytree(FIRMWARE, files, ignore=shutil.ignore_patterns("__pycache__", "*.md", "*.ini"))
    with VirtualBoard(tmp_path / "flashed", micropython=binary) as board:
        mpremote(board.port, "cp", "-r", f"{files}/.", ":")
    return tmp_path / "flashed" / "flash.img"


@ONE_WORD_SIZE
@pytest.mark.parametrize("board_class", ["c3"])
def test_a_c3_reads_sml(setup: Setup, wire: Wire) -> None:
    meter = TestMeter(wire, "sml")
    del setup.secrets["meter_key"]
    setup.provision()
    setup.status()
    meter.send()
    assert setup.listener.next("reading")["values"]
    assert "memory" not in setup.board.console()


@ONE_WORD_SIZE
@pytest.mark.parametrize("board_class", ["c3"])
def test_a_board_whose_meter_needs_more_says_what_helps(setup: Setup, wire: Wire) -> None:
    meter = TestMeter(wire, "landis-gyr-e450")
    setup.provision()
    setup.status()
    meter.send()
    _says(setup)


@ONE_WORD_SIZE
@pytest.mark.parametrize("board_class", [96])
def test_a_board_without_room_for_a_start_says_what_helps(setup: Setup) -> None:
    setup.provision()
    _says(setup)


def _says(setup: Setup) -> None:
    setup.board.wait_console("adapter: memory: the sources need more than this board has; ")
    setup.board.wait_console("python -m tools.flash, or smartmeter-provision")
