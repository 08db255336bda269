"""The virtual board is a board: what the other tests stand on."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.firmware.rig import LONG, ONE_WORD_SIZE, Setup, Wire, mpremote
from tools.environment.prepare import program
from tools.virtual_board import VirtualBoard
from tools.virtual_board.memory import CLASSES, pools, stand_ins


def test_mpremote_gets_into_a_running_adapter(setup: Setup) -> None:
    setup.provision()
    setup.status()
    assert mpremote(setup.board.port, "exec", "print(6 * 7)").strip() == "42"
    assert "adapter: adapter: stopped" in setup.board.console()


def test_an_interrupt_while_it_boots_is_obeyed_later(
    new_board: Callable[..., VirtualBoard],
) -> None:
    """mpremote on a pty waits forever for the answer of a board that has ended over it."""
    board = new_board()
    console = os.open(board.port, os.O_RDWR | os.O_NOCTTY)
    os.write(console, b"\r\x03\r\x01")
    board.wait_console("raw REPL; CTRL-B to exit")
    os.close(console)
    assert board.resets == [1]


def test_files_and_settings_outlive_a_power_cut(
    new_board: Callable[..., VirtualBoard], tmp_path: Path
) -> None:
    board = new_board()
    mpremote(
        board.port,
        "exec",
        "f = open('kept', 'w'); f.write('here'); f.close()\n"
        "import esp32, machine; n = esp32.NVS('a'); n.set_blob('b', b'there'); n.commit()\n"
        "machine.RTC().memory(b'gone')",
    )
    board.kill()
    board.start()
    answer = mpremote(
        board.port,
        "exec",
        "import esp32, machine; b = bytearray(8); n = esp32.NVS('a').get_blob('b', b)\n"
        "print(open('kept').read(), b[:n], machine.RTC().memory(), machine.reset_cause())",
    )
    assert answer.split() == ["here", "bytearray(b'there')", "b''", "5"]
    assert board.resets == [1, 1]


def test_the_watchdog_bites_what_hangs(new_board: Callable[..., VirtualBoard]) -> None:
    board = new_board()
    hang = "import machine; machine.RTC().memory(b'kept'); machine.WDT(timeout=300)\nwhile 1: pass"
    mpremote(board.port, "exec", "--no-follow", hang)
    board.wait_console("board: the watchdog bit")
    answer = mpremote(board.port, "exec", "import machine; print(machine.RTC().memory())")
    assert answer.strip() == "b'kept'"
    assert board.resets == [1, 3]


def test_a_torn_write_ends_in_a_power_cut(new_board: Callable[..., VirtualBoard]) -> None:
    board = new_board()
    board.kill()
    board.cut_power_at_write(3)
    board.start()
    mpremote(board.port, "exec", "--no-follow", "open('new', 'w').write('x' * 9000)")
    assert board.wait_off(5)
    board.cut_power_at_write(0)
    board.kill()
    board.start()
    assert "main.py" in mpremote(board.port, "ls")


def test_the_uart_loses_what_nobody_fetches(
    new_board: Callable[..., VirtualBoard], wire: Wire
) -> None:
    board = new_board()
    mpremote(board.port, "exec", "import machine; u = machine.UART(1, 9600, tx=17, rxbuf=256)")
    wire.send(bytes(range(256)) + b"too late")
    answer = mpremote(
        board.port,
        "resume",
        "exec",
        "b = bytearray(300); n = u.readinto(b); print(n, b[:n] == bytes(range(256)))\n"
        "print(u.readinto(b))",
    )
    assert "256 True" in answer
    assert "8 bytes lost" in answer
    assert "None" in answer


@ONE_WORD_SIZE
def test_a_uart_on_the_port_s_default_pin_panics(new_board: Callable[..., VirtualBoard]) -> None:
    board = new_board()
    board.wait_console("settings: none yet")
    mpremote(board.port, "exec", "--no-follow", "import machine; machine.UART(1, 9600, rx=16)")
    board.wait_console("board: panic")
    board.wait_console("settings: none yet", after=board.console().index("board: panic"))
    assert board.resets == [1, 2]


@ONE_WORD_SIZE
@pytest.mark.parametrize("memory", ["classic", "c3", "psram"])
def test_a_class_has_its_heap_beside_the_stand_ins(
    new_board: Callable[..., VirtualBoard], binary: str, memory: str
) -> None:
    board = new_board(memory=memory)
    board.wait_console("settings: none yet")
    own = stand_ins(program(binary)).live
    code = (
        "import esp32, gc; piece = max([r[2] for r in esp32.idf_heap_info(4)]);"
        "print(gc.mem_alloc() + gc.mem_free(), piece)"
    )
    said, piece = map(int, mpremote(board.port, "exec", code).split()[-2:])
    if memory != "psram":  # there mem_free() counts the largest piece of ESP-IDF's heap as well
        said -= piece
    most = CLASSES[memory][1] * 1024 - pools(1260)
    # less the table of the collector, which a chip's heap holds, too
    assert most * 0.97 < said - own < most


def test_pools_of_names_double() -> None:
    """As micropython.qstr_info() showed on 32 bit: 1280 entries of 7 bytes for the 1261st name."""
    assert pools(620) == 620 * 7
    assert pools(1260) - pools(621) == 0
    assert pools(1261) - pools(1260) == 1280 * 7


@ONE_WORD_SIZE
def test_the_heap_of_the_firmware_is_reported_without_the_stand_ins(setup: Setup) -> None:
    setup.provision()
    setup.status()
    heap = setup.board.heap()
    assert 40_000 < heap.live < 100_000
    assert 0 <= heap.slack < 640 * 7
    assert 300 < heap.names < 1260
    assert heap.areas == (1 if heap.live + heap.slack < 64_000 else 2)


@LONG
def test_a_wrongly_set_line_gives_other_bytes(
    new_board: Callable[..., VirtualBoard], wire: Wire
) -> None:
    board = new_board(line="2400 8E1")
    for options, same in (("parity=0", True), ("parity=None", False), ("invert=4", False)):
        mpremote(board.port, "exec", f"import machine; u = machine.UART(1, 2400, tx=17, {options})")
        wire.send(b"telegram")
        answer = mpremote(board.port, "resume", "exec", "print(u.read(8) == b'telegram')")
        assert answer.strip() == str(same)
