"""What gets on a board: all of the firmware, as source, compiled, or by mip."""

import functools
import hashlib
import json
import subprocess
import sys
import threading
from collections.abc import Callable
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from tests.firmware.rig import FIRMWARE, ONE_WORD_SIZE, REPOSITORY, mpremote
from tools import flash
from tools.virtual_board import VirtualBoard


def test_the_list_for_mip_is_complete() -> None:
    listed = json.loads((FIRMWARE / "package.json").read_text())
    assert listed == json.loads(flash.package()), "type: python -m tools.flash --list"
    assert all((FIRMWARE / source).is_file() for source, _ in listed["urls"])


def test_no_empty_file_gets_on_a_board() -> None:
    names = flash.files()
    assert "lib/smartmeter/dlms/apdu.py" in names
    assert not [name for name in names if not (FIRMWARE / name).read_bytes()]


def test_what_only_servers_use_stays_away() -> None:
    """What main.py reaches by any import is there, also by one within a function."""
    names = flash.files()
    assert "lib/smartmeter/link/wrapper.py" in names
    assert "lib/smartmeter/meters/zones.py" in names
    assert "lib/smartmeter/meters/families.py" not in names
    assert "lib/smartmeter/wire/receipt.py" not in names
    assert "lib/smartmeter/crypto/aes_native.py" not in names


_DIGESTS = """
import hashlib
for name in %r:
    with open(name, "rb") as f:
        print(name, hashlib.sha256(f.read()).digest().hex())
"""


@ONE_WORD_SIZE
def test_mip_takes_the_firmware_from_a_server(binary: str, tmp_path: Path) -> None:
    handler = functools.partial(Quiet, directory=str(FIRMWARE))
    with (
        ThreadingHTTPServer(("127.0.0.1", 0), handler) as server,
        VirtualBoard(tmp_path, micropython=binary) as board,
    ):
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/package.json"
        mpremote(board.port, "mip", "install", "--target", "/", url)
        server.shutdown()
        names = flash.files()
        held = mpremote(board.port, "run", "/dev/stdin", given=_DIGESTS % names).split()
    digests = [hashlib.sha256((FIRMWARE / name).read_bytes()).hexdigest() for name in names]
    assert dict(zip(held[::2], held[1::2], strict=True)) == dict(zip(names, digests, strict=True))


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@ONE_WORD_SIZE
def test_compiled_modules_take_the_place_of_sources(
    new_board: Callable[..., VirtualBoard],
) -> None:
    board = new_board(memory="psram")
    mpremote(board.port, "rm", "-r", ":adapter", "+", "cp", "-r", f"{FIRMWARE}/.", ":")
    command = [sys.executable, "-m", "tools.flash", "--board", board.port]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    listed = mpremote(board.port, "exec", "import os; print(os.listdir('adapter'))")
    assert "start.mpy" in listed
    assert "start.py" not in listed
    before = len(board.console())
    mpremote(board.port, "reset")
    board.wait_console("settings: none yet", 60, before)


def test_a_board_that_is_not_there_is_one_sentence() -> None:
    command = [sys.executable, "-m", "tools.flash", "--board", "/dev/not-there"]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert done.stderr.startswith("flash: mpremote:")
    assert done.stderr.count("\n") == 1
