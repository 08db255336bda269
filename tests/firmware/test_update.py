"""Updates over the air: signed or refused, tried, kept or given up, whole after every power cut."""

import contextlib
import os
import queue
import shutil
import ssl
import threading
from collections.abc import Callable, Iterator
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from adapter import rsa as verifier
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from tests.firmware.bundles import firmware, modulus, push
from tests.firmware.rig import (
    FIRMWARE,
    LONG,
    ONE_WORD_SIZE,
    WIFI,
    Setup,
    TestMeter,
    agrees,
    mpremote,
    patch,
)
from tools import flash, update
from tools.provision import device
from tools.provision.answers import Answers
from tools.virtual_board import VirtualBoard


@pytest.fixture
def updatable(setup: Setup, key: rsa.RSAPrivateKey) -> Setup:
    setup.secrets["update_key"] = modulus(key)
    setup.provision()
    setup.status()
    return setup


def test_signatures_agree_with_cryptography(key: rsa.RSAPrivateKey) -> None:
    signature = key.sign(b"bundle", padding.PKCS1v15(), hashes.SHA256())
    digest = hashes.Hash(hashes.SHA256())
    digest.update(b"bundle")
    right = digest.finalize()
    assert verifier.verify(modulus(key), signature, right)
    for i in (0, 200, 383):
        broken = bytearray(signature)
        broken[i] ^= 1
        assert not verifier.verify(modulus(key), bytes(broken), right)
    assert not verifier.verify(modulus(key), signature, right[::-1])
    assert not verifier.verify(modulus(key), signature[1:], right)
    assert not verifier.verify(modulus(key)[1:], signature[1:], right)


def test_a_new_version_is_pushed_tried_and_kept(
    updatable: Setup, key: rsa.RSAPrivateKey, meter: TestMeter
) -> None:
    assert push(updatable, update.bundle(firmware("9.9.9"), "9.9.9", key)) == "9.9.9"
    truth = meter.send()
    assert agrees(updatable.listener.next("reading"), truth)
    before = len(updatable.board.console())
    for _ in range(2):  # kept: more starts than a version on trial would be given
        updatable.board.kill()
        updatable.board.start()
        updatable.board.wait_console("adapter: version 9.9.9", 60, before)
        updatable.board.wait_console("broker: connected", 60, before)
        before = len(updatable.board.console())


@LONG
def test_what_may_not_run_is_refused(updatable: Setup, key: rsa.RSAPrivateKey) -> None:
    stranger = rsa.generate_private_key(public_exponent=65537, key_size=3072)
    small = {"adapter/x.py": b"x = 1\n"}
    other = {"adapter/x.mpy": b"M\x07\x00\x1f"}
    large = {f"lib/more/m{i}.py": b"#" for i in range(600)}
    good = update.bundle(small, "9.9.9", key)
    torn = bytearray(good)
    torn[-390] ^= 1
    cases = {
        "signature is not by the key": update.bundle(small, "9.9.9", stranger),
        "signature is not": bytes(torn),
        "is not newer than": update.bundle(small, flash.version(), key),
        "version is two to four numbers": update.bundle(small, "new", key),
        "a file that is not the adapter's": update.bundle({"main.py": b""}, "9.9.9", key),
        "file that is not": update.bundle({"adapter/../main.py": b""}, "9.9.9", key),
        r"to \.mpy version 7, and this MicroPython runs version 6": update.bundle(
            other, "9.9.9", key
        ),
        r"it needs 2465 kB of flash, and 1\d\d\d kB are free": update.bundle(large, "9.9.9", key),
    }
    for words, data in cases.items():
        with pytest.raises(update.Refused, match=words):
            push(updatable, data)
    assert "slot.json" not in mpremote(updatable.board.port, "ls")
    assert updatable.board.resets == [1, 1]


def test_a_version_that_does_not_start_is_given_up(
    updatable: Setup, key: rsa.RSAPrivateKey, meter: TestMeter
) -> None:
    broken = ("adapter/start.py", "def main() -> None:\n", "def main() -> None:\n    1 // 0\n")
    data = update.bundle(firmware("9.9.9", broken), "9.9.9", key)
    said: list[str] = []

    def pushing() -> None:
        try:
            said.append(push(updatable, data))
        except update.Refused as why:
            said.append(str(why))

    thread = threading.Thread(target=pushing)
    thread.start()
    updatable.board.wait_console("9.9.9 is unpacked and starts now", 60)
    for _ in range(3):  # it ends in the REPL; a power cycle helps it back
        updatable.board.wait_console("ZeroDivisionError")
        before = len(updatable.board.console())
        updatable.board.kill()
        updatable.board.start()
        updatable.board.wait_console("adapter", 60, before)
    updatable.board.wait_console("broker: connected", 60, before)
    thread.join(60)
    assert said == ["the adapter says: 9.9.9 did not work and was given up"]
    while "given up" not in (status := updatable.status(70)).get("update", ""):
        pass
    assert status["version"] == flash.version()
    assert status["state"] == "online"
    truth = meter.send()
    assert agrees(updatable.listener.next("reading"), truth)


@LONG
def test_a_version_that_publishes_nothing_is_given_up(
    updatable: Setup, key: rsa.RSAPrivateKey
) -> None:
    hasty = ("adapter/app.py", "_TRIAL_S = 600", "_TRIAL_S = 4")
    deaf = ("adapter/meter.py", "data = self._port.take()", "data = None")
    data = update.bundle(firmware("9.9.9", hasty, deaf), "9.9.9", key)
    assert push(updatable, data) == "9.9.9"  # it runs and reports it, but has no reading
    while "given up" not in (status := updatable.status()).get("update", ""):
        pass
    assert status["update"] == "9.9.9 did not work and was given up"
    assert status["version"] == flash.version()


class Server(BaseHTTPRequestHandler):
    """Continues where a client asks for it."""

    data = b""
    asked: list[str] = []

    def do_GET(self) -> None:
        begin = int(self.headers["Range"].removeprefix("bytes=").removesuffix("-"))
        self.asked.append(f"{self.path} {begin > 0}")
        self.send_response(206 if self.path == "/bundle" else 404)
        self.send_header("Content-Length", str(len(self.data) - begin))
        self.end_headers()
        with contextlib.suppress(OSError):  # the adapter ends a session that takes long
            self.wfile.write(self.data[begin:])

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def https(tls: tuple[Path, Path, Path]) -> Iterator[HTTPServer]:
    server = HTTPServer(("127.0.0.1", 0), Server)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tls[1], tls[2])
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@LONG
def test_an_address_that_cannot_be_one_crashes_nothing(updatable: Setup) -> None:
    """Such a command may be retained: it would end each start again."""
    topic = "smartMeterCommand/test-meter/update"
    board = updatable.board
    resets = list(board.resets)
    for address in (
        "https://127.0.0.1:99999999999999999999/x",
        "https://127.0.0.1:0/x",
        "https://:443/x",
        "https://",
        "https://localhost:x/",
        "https://localhost:1/x HTTP/1.0\\r\\nX-Header: 1",
    ):
        before = len(board.console())
        updatable.listener.publish(topic, f'{{"url": "{address}"}}'.encode())
        board.wait_console("refused: a command is a piece of a bundle, or an https", 60, before)
    assert board.resets == resets


@LONG
def test_a_new_version_is_fetched_over_https(
    updatable: Setup, key: rsa.RSAPrivateKey, https: HTTPServer, meter: TestMeter
) -> None:
    """In several sessions, between which readings are published."""
    Server.asked.clear()
    Server.data = update.bundle(firmware("9.9.9"), "9.9.9", key)
    topic = "smartMeterCommand/test-meter/update"
    url = f"https://localhost:{https.server_port}"
    patch(updatable.board, {"adapter/update.py": ("_SESSION_MS = 20_000", "_SESSION_MS = 60")})
    board = updatable.board
    updatable.listener.publish(topic, b'{"url": "https://localhost:1/bundle"}')
    board.wait_console("refused: [Errno 111]")
    updatable.listener.publish(topic, f'{{"url": "{url}/none"}}'.encode(), retain=True)
    board.wait_console("refused: the server says: HTTP/1.0 404")
    board.air(networks={})
    board.wait_console("network: lost")
    before = len(board.console())
    board.air(networks=WIFI)
    board.wait_console("broker: connected", 60, before)  # and the command comes again
    updatable.listener.publish(topic, b'{"url": "http://localhost/bundle"}')
    board.wait_console("refused: a command is a piece of a bundle, or an https", 60, before)
    assert Server.asked == ["/none False"]
    updatable.listener.forget()
    truth = meter.send()
    updatable.listener.publish(topic, f'{{"url": "{url}/bundle"}}'.encode())
    assert agrees(updatable.listener.next("reading"), truth)
    board.wait_console("adapter: version 9.9.9", 60)
    assert Server.asked[1] == "/bundle False"
    assert set(Server.asked[2:]) == {"/bundle True"}


@ONE_WORD_SIZE
@pytest.mark.parametrize(
    "command",
    [
        b'{"url": "https://"}',
        b'{"url": "https://localhost:99999999999/x"}',
        b'{"url": "https://localhost:-1/x"}',
        b'{"url": "https://localhost:x/x"}',
        b'{"url": "https://[::1]:1/x"}',
        b'{"url": "https://a b/\\r\\nX: y"}',
        b'{"url": ["https://localhost"]}',
        b'{"url": "https://' + b"x" * 4000 + b'"}',
        b"{" + b"[" * 4000,
        b"\0\0\0\0\xff\xff\xff\xffxxxx",
        b"\0\0\0\0\0\x01\0\0SMU2\0\0\0\x02{}",
        b"\0\0\0\0\0\x01\0\0SMU2\0\0\0\x02[]",
    ],
)
def test_a_hostile_command_is_refused_and_nothing_else(updatable: Setup, command: bytes) -> None:
    updatable.listener.publish("smartMeterCommand/test-meter/update", command, retain=True)
    updatable.board.wait_console("update: refused: ")
    while "refused" not in updatable.status().get("update", ""):
        pass
    assert "Traceback" not in updatable.board.console()
    assert updatable.board.resets == [1, 1]


@ONE_WORD_SIZE
def test_five_updates_in_a_row_fit_and_cost_no_reading(
    updatable: Setup, key: rsa.RSAPrivateKey, meter: TestMeter
) -> None:
    for version in ("9.9.1", "9.9.2", "9.9.3", "9.9.4", "9.9.5"):
        data = update.bundle(firmware(version), version, key)
        said: list[str] = []
        thread = threading.Thread(target=lambda d=data, s=said: s.append(push(updatable, d)))
        thread.start()
        while not said and thread.is_alive():
            truth = meter.send()
            try:
                reading = updatable.listener.next("reading", 10)
                while Decimal(reading["seq"]) != truth["seq"]:  # sent again after a connect
                    reading = updatable.listener.next("reading", 10)
            except queue.Empty:
                break  # it has just been restarted
            assert agrees(reading, truth)
        thread.join(120)
        assert said == [version]
        before = updatable.board.console().rindex("board: reset")
        meter.send()
        updatable.board.wait_console("this version works and is kept", 60, before)
        updatable.listener.forget()
    assert "the watchdog bit" not in updatable.board.console()
    assert "no answer in time" not in updatable.board.console()


# Every how many-th write a test cuts the power at; `make power-cuts` takes all of them.
_STEP = int(os.environ.get("POWER_CUT_STEP", "23"))

# A version small enough to cut the power at every single write of its installation.
_OLD = """
import os
from adapter import bundle
def main():
    print("version", "old", "runs")
    size = os.stat("bundle")[6]
    unpacker = bundle.Unpacker(size, open("modulus", "rb").read(), "0.1.0", lambda: None)
    with open("bundle", "rb") as f:
        while not unpacker.version:
            unpacker.write(f.read(1000))
"""
_NEW = "def main():\n    import slots\n    print('version', 'new', 'runs')\n    slots.keep()\n"


def test_power_cuts_at_every_write_leave_one_version_whole(
    new_board: Callable[..., VirtualBoard], key: rsa.RSAPrivateKey, tmp_path: Path
) -> None:
    board = new_board()
    small = tmp_path / "small"
    for name in ("main.py", "slots.py", "adapter/bundle.py", "adapter/rsa.py"):
        (small / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(FIRMWARE / name, small / name)
    (small / "adapter" / "__init__.py").write_text("")
    (small / "adapter" / "start.py").write_text(_OLD)
    (small / "modulus").write_bytes(modulus(key))
    new = {"adapter/__init__.py": b"", "adapter/start.py": _NEW.encode()}
    new |= {f"lib/more/m{i}.py": b"# more\n" * 300 for i in range(3)}
    (small / "bundle").write_bytes(update.bundle(new, "0.2.0", key))
    clear = "from adapter import bundle; bundle.clear('/adapter', lambda: None)"
    mpremote(board.port, "exec", clear)
    mpremote(board.port, "cp", "-r", f"{small}/.", ":")
    board.kill()
    image = (board.folder / "flash.img").read_bytes()

    runs, image = _cut_at_each_write(board, image, _STEP)
    assert len(runs) * _STEP > 60
    assert set(runs) == {"old", "new"}
    # its first start, which counts its tries and then keeps it
    runs, _ = _cut_at_each_write(board, image, 1)
    assert len(runs) > 2
    assert set(runs) == {"new"}


def _cut_at_each_write(board: VirtualBoard, image: bytes, step: int) -> tuple[list[str], bytes]:
    """Cuts the power in a start from image: at write 1, 1 + step, and so on.

    Returns the versions that ran in the starts after the cuts, and the flash after a start that
    was long enough.
    """
    runs = []
    at = 1
    cut = True
    while cut:
        (board.folder / "flash.img").write_bytes(image)
        board.cut_power_at_write(at)
        before = len(board.console())
        board.start()
        cut = wait_idle(board, before)
        board.kill()
        board.cut_power_at_write(0)
        left = (board.folder / "flash.img").read_bytes()
        before = len(board.console())
        board.start()
        assert not wait_idle(board, before)
        board.kill()
        said = board.console()[before:]
        assert "Traceback" not in said, (at, said)
        assert ("version old runs" in said) != ("version new runs" in said), (at, said)
        runs.append("new" if "version new runs" in said else "old")
        at += step
    return runs, left


def test_a_full_flash_does_not_keep_the_adapter_from_starting(
    new_board: Callable[..., VirtualBoard],
) -> None:
    """The tries of a version on trial cannot be counted, so what ran before runs."""
    full = """
import json, slots
with open("slot.json", "w") as f:
    state = {"slot": "a", "version": "9.9.9", "over": slots._flashed(), "before": "b"}
    state.update({"trial": True, "tries": %d})
    json.dump(state, f)
def write(new):
    raise OSError(28)
slots._write = write
print("chosen", slots.choose())
"""
    board = new_board()
    for tries in (0, 3):
        assert "chosen b" in mpremote(board.port, "exec", full % tries)


def wait_idle(board: VirtualBoard, before: int) -> bool:
    """Returns once the board is at its prompt, or off: then True."""
    while True:
        if board.wait_off(0.005):
            return True
        if ">>> " in board.console()[before:]:
            return False


@LONG
def test_a_power_cut_while_a_version_comes_in_leaves_what_runs(
    updatable: Setup, key: rsa.RSAPrivateKey
) -> None:
    """Of the real firmware."""
    board = updatable.board
    small = {f"lib/more/m{i}.py": b"# more\n" * 400 for i in range(12)}
    for at in (20, 100):
        board.kill()
        board.cut_power_at_write(at)
        before = len(board.console())
        board.start()
        board.wait_console("broker: connected", 60, before)
        for piece in update.pieces(update.bundle(small, "9.9.9", key)):
            updatable.listener.publish("smartMeterCommand/test-meter/update", piece)
        assert board.wait_off(60)
        board.kill()
        board.cut_power_at_write(0)
        before = len(board.console())
        board.start()
        board.wait_console(f"adapter: version {flash.version()}", 60, before)
        board.wait_console("broker: connected", 60, before)
        assert "slot.json" not in mpremote(board.port, "ls")
    board.kill()
    board.start()
    assert push(updatable, update.bundle(firmware("9.9.9"), "9.9.9", key)) == "9.9.9"


def test_flashing_by_cable_ends_an_update(
    updatable: Setup, key: rsa.RSAPrivateKey, tmp_path: Path
) -> None:
    assert push(updatable, update.bundle(firmware("9.9.9"), "9.9.9", key)) == "9.9.9"
    other = tmp_path / "__init__.mpy"
    other.write_bytes(firmware("1.2.3")["lib/smartmeter/__init__.mpy"])
    before = len(updatable.board.console())
    mpremote(updatable.board.port, "cp", str(other), ":lib/smartmeter/__init__.mpy", "+", "reset")
    updatable.board.wait_console("adapter: version 1.2.3", 60, before)


def test_without_a_key_no_command_is_taken(setup: Setup, key: rsa.RSAPrivateKey) -> None:
    device.write(setup.board.port, Answers(setup.settings, setup.secrets).checked())
    device.reset(setup.board.port)
    setup.status()
    setup.listener.publish("smartMeterCommand/test-meter/update", b'{"url": "https://x/y"}')
    setup.listener.publish("smartMeterCommand/test-meter/update", b"\0\0\0\0\0\0\0\x01x")
    assert "update" not in setup.board.console().split("broker: connected")[-1]
