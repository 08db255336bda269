"""A virtual board with the firmware on it, a meter's wire, and a broker with TLS."""

import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.firmware.rig import (
    KEY,
    METER,
    USERS,
    WIFI,
    Listener,
    Setup,
    TestMeter,
    Wire,
    flash,
)
from tools.certificates import Authority
from tools.environment.debian import Unavailable
from tools.environment.mosquitto import Mosquitto
from tools.environment.prepare import program
from tools.provision.mpremote import BoardRefused
from tools.virtual_board import VirtualBoard


@pytest.fixture(scope="session", params=["micropython", "micropython32"])
def binary(request: pytest.FixtureRequest) -> str:
    try:
        program(request.param)
        program("umqtt")
    except Unavailable as why:
        pytest.skip(str(why))
    name: str = request.param
    return name


@pytest.fixture(scope="session")
def flash_image(binary: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A flashed board's; the first worker that wants it makes it for all of them.

    A second try on a new board, as all of these tests hang on it.
    """
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    image = folder / f"{binary}.img"
    with open(folder / f"{binary}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not image.exists():
            try:
                made = flash(tmp_path_factory.mktemp("flashed"), binary)
            except BoardRefused as why:
                print(why)
                made = flash(tmp_path_factory.mktemp("flashed-again"), binary)
            made.rename(image)
    return image


@pytest.fixture
def board_class(binary: str) -> str:
    """Of tools/virtual_board/memory.py: the smallest one for compiled files.

    Words of 64 bits take twice the heap of any chip.
    """
    return "c3" if binary == "micropython32" else "psram"


@pytest.fixture
def installed(flash_image: Path) -> Path:
    """The flash of the board; a test may install in another way."""
    return flash_image


@pytest.fixture(scope="session")
def key() -> rsa.RSAPrivateKey:
    """Signs the updates of a board that has its modulus."""
    return rsa.generate_private_key(public_exponent=65537, key_size=3072)


@pytest.fixture
def wire(tmp_path: Path) -> Iterator[Wire]:
    wire = Wire(tmp_path)
    yield wire
    wire.close()


@pytest.fixture
def meter(wire: Wire) -> TestMeter:
    return TestMeter(wire)


@pytest.fixture(scope="session")
def tls(authority: Authority) -> tuple[Path, Path, Path]:
    certificate, key = authority.issue("broker", ("localhost",))
    return authority.certificate_path, certificate, key


@pytest.fixture
def umqtt() -> Path | None:
    """The folder of another umqtt.simple than the one of prepare.py; test_broker.py has some."""
    return None


@pytest.fixture
def new_board(
    binary: str,
    installed: Path,
    wire: Wire,
    umqtt: Path | None,
    board_class: str,
    tmp_path: Path,
) -> Iterator[Callable[..., VirtualBoard]]:
    """Makes a flashed board that is on."""
    made: list[VirtualBoard] = []

    def make(**options: Any) -> VirtualBoard:
        folder = tmp_path / "board"
        folder.mkdir()
        shutil.copy(installed, folder / "flash.img")
        given = {"umqtt": umqtt, "memory": board_class, "networks": WIFI, "uart": wire.path}
        options = given | options
        board = VirtualBoard(folder, micropython=binary, **options)
        made.append(board)
        return board.start()

    yield make
    for board in made:
        # what pytest shows where the test failed
        print(board.console()[-3000:])
        board.close()


@pytest.fixture
def setup(
    new_board: Callable[..., VirtualBoard],
    mosquitto: Callable[..., Mosquitto],
    authority: Authority,
    tls: tuple[Path, Path, Path],
) -> Iterator[Setup]:
    broker = mosquitto(users=USERS, tls=tls)
    listener = Listener(broker, authority.certificate_path)
    board = new_board(line="2400 8E1")
    settings = {
        "meter": {"id": METER, "line": "2400 8E1", "rx": 16, "tx": 17},
        "wifi": {"ssid": "Home"},
        "broker": {"host": "localhost", "port": broker.port, "user": "adapter"},
    }
    secrets = {
        "wifi_password": WIFI["Home"].encode(),
        "broker_password": USERS["adapter"].encode(),
        "broker_ca": authority.certificate_path.read_bytes(),
        "meter_key": KEY,
    }
    yield Setup(board, broker, listener, authority, settings, secrets)
    listener.close()
