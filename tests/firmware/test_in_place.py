"""The firmware in a ROMFS partition: it runs in place, on boards that have no PSRAM."""

import functools
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.firmware.bundles import firmware, modulus, push
from tests.firmware.rig import CLASSIC, FIRMWARE, ONE_WORD_SIZE, Setup, TestMeter, agrees, mpremote
from tools import flash, update
from tools.virtual_board import VirtualBoard


@pytest.fixture
def installed(binary: str, tmp_path: Path) -> Path:
    with VirtualBoard(tmp_path / "flashed", micropython=binary) as board:
        files = [str(FIRMWARE / name) for name in ("main.py", "slots.py")]
        mpremote(board.port, "cp", *files, ":")
    return tmp_path / "flashed" / "flash.img"


@pytest.fixture
def new_board(new_board: Callable[..., VirtualBoard]) -> Callable[..., VirtualBoard]:
    return functools.partial(new_board, romfs=flash.romfs())


@CLASSIC
@ONE_WORD_SIZE
def test_a_classic_esp32_decodes_and_lets_no_update_defeat_it(
    setup: Setup, meter: TestMeter, key: rsa.RSAPrivateKey
) -> None:
    setup.secrets["update_key"] = modulus(key)
    setup.provision()
    setup.status()
    for _ in range(10):
        truth = meter.send()
        assert agrees(setup.listener.next("reading"), truth)
    words = "the firmware is part of this board's image; flash a new image by cable"
    with pytest.raises(update.Refused, match=words):
        push(setup, update.bundle(firmware("9.9.9"), "9.9.9", key))
    # An address is refused before a second TLS connection needs memory.
    setup.listener.forget()
    setup.listener.publish("smartMeterCommand/test-meter/update", b'{"url": "https://x/y"}')
    status = setup.status()
    assert words in status["update"]
    assert status["connects"] == 1
    heap = setup.board.heap()
    assert heap.live + heap.slack < 75_000, heap  # with what takes updates
