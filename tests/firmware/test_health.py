"""Crashes: reported, survived, and after the third one a safe mode."""

import os
from collections.abc import Callable

from cryptography.hazmat.primitives.asymmetric import rsa

from tests.firmware.bundles import firmware, modulus, push
from tests.firmware.rig import (
    LONG,
    ONE_WORD_SIZE,
    Setup,
    TestMeter,
    agrees,
    mpremote,
    patch,
    with_a_clock_to_turn,
)
from tools import update
from tools.virtual_board import VirtualBoard


@LONG
def test_three_crashes_start_the_safe_mode_which_takes_an_update(
    setup: Setup, key: rsa.RSAPrivateKey, meter: TestMeter
) -> None:
    setup.secrets["update_key"] = modulus(key)
    setup.provision()
    setup.status()
    step = "            has_more = self.step()\n"
    failing = "            1 // 0\n"
    changes = {
        "adapter/meter.py": (step, step + failing),
        "adapter/start.py": ("_RESTART_S = 5", "_RESTART_S = 0"),
    }
    patch(setup.board, changes)
    status = setup.status(90)
    while status["state"] != "safe":
        status = setup.status(90)
    assert "ZeroDivisionError" in status["last_crash"]
    assert 'File "adapter/meter.py"' in status["last_crash"]
    assert setup.board.console().count("crashed; restarting") == 3
    assert mpremote(setup.board.port, "exec", "print(1)").strip() == "1"
    mpremote(setup.board.port, "reset")  # it has been looked at, and begins from nothing
    while setup.status()["state"] != "safe":
        pass
    assert push(setup, update.bundle(firmware("9.9.9"), "9.9.9", key)) == "9.9.9"
    truth = meter.send()
    assert agrees(setup.listener.next("reading"), truth)


@LONG
def test_what_hangs_is_ended_by_the_watchdog_and_told(setup: Setup, meter: TestMeter) -> None:
    setup.provision()
    reads = "        self._seq += 1\n"
    hang = "        import machine\n        while machine.reset_cause() == 2: pass\n"
    changes = {
        "adapter/meter.py": (reads, hang + reads),
        "adapter/app.py": ("_WATCHDOG_MS = 120_000", "_WATCHDOG_MS = 3_000"),
    }
    patch(setup.board, changes)
    meter.send()  # the reading that it hangs over
    setup.board.wait_console("the watchdog bit")
    while (status := setup.status())["reset"] != "watchdog":
        pass
    assert "watchdog" in status["last_crash"]
    assert status["state"] == "online"
    truth = meter.send()
    assert agrees(setup.listener.next("reading"), truth)


@ONE_WORD_SIZE
def test_panics_and_brown_outs_are_crashes(setup: Setup) -> None:
    """The port tells a panic from a wanted reset as little as a brown-out from power-on."""
    setup.provision()
    assert "last_crash" not in setup.status()
    setup.board.brown_out()
    while "last_crash" not in (status := setup.status()):
        pass
    assert (status["reset"], status["state"]) == ("power", "online")
    assert status["last_crash"] == "the power dipped, or the reset button was pressed"
    setup.board.panic()
    while (status := setup.status())["reset"] != "hard":
        pass
    assert (status["state"], status["last_crash"]) == ("online", "the chip panicked")
    setup.board.panic()
    while setup.status()["state"] != "safe":
        pass


def _type(board: VirtualBoard, keys: bytes) -> None:
    console = os.open(board.port, os.O_RDWR | os.O_NOCTTY)
    os.write(console, keys)
    os.close(console)


@ONE_WORD_SIZE
def test_a_stray_ctrl_c_does_not_stop_metering(setup: Setup, meter: TestMeter) -> None:
    with_a_clock_to_turn(setup)
    setup.board.wait_console("broker: connected")
    before = len(setup.board.console())
    _type(setup.board, b"\x03")
    setup.board.wait_console("continues unless you press another key", after=before)
    setup.soon("broker: connected", before)
    truth = meter.send()
    assert agrees(setup.listener.next("reading"), truth)
    status = setup.later()
    assert "a Ctrl-C on the console" in status["restart"]
    assert "last_crash" not in status
    before = len(setup.board.console())
    _type(setup.board, b"\x03")
    setup.board.wait_console("continues unless you press another key", after=before)
    _type(setup.board, b"x")
    setup.board.wait_console("stopped; Ctrl-D starts it again", after=before)


@ONE_WORD_SIZE
def test_a_board_without_settings_restarts_unless_somebody_types(
    new_board: Callable[..., VirtualBoard],
) -> None:
    board = new_board()
    board.kill()
    board.pass_time(0)
    board.start()
    board.wait_console("settings: none yet", after=len(board.console()))
    resets = list(board.resets)
    board.pass_time(590, 10)
    assert board.resets == resets
    before = len(board.console())
    board.pass_time(20, 10)
    board.wait_console("settings: none yet", after=before)
    assert board.resets == [*resets, 2]
    before = len(board.console())
    _type(board, b"\r")
    board.wait_console(">>> ", after=before)
    board.pass_time(700, 10)
    assert board.resets == [*resets, 2]


@ONE_WORD_SIZE
def test_nvs_that_fails_is_read_again_and_is_not_without_settings(setup: Setup) -> None:
    setup.board.kill()
    setup.board.pass_time(0)
    before = len(setup.board.console())
    setup.board.start()
    setup.board.wait_console("none yet", after=before)
    setup.board.air(nvs=-0x1101)
    before = len(setup.board.console())
    setup.provision()
    setup.board.wait_console("settings: NVS cannot be read: ESP_ERR_NVS", after=before)
    setup.board.air(nvs=0)
    setup.soon("broker: connected", before)
    assert "none yet" not in setup.board.console()[before:]
    assert "crashed" not in setup.board.console()[before:]
