"""smartmeter-provision as a user installs it: one wheel for Linux, macOS and Windows."""

import os
import re
import subprocess
import sys
import tomllib
import urllib.request
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests.firmware.rig import REPOSITORY
from tests.firmware.test_provision import MINIMUM, Person
from tools.environment import lock
from tools.virtual_board import VirtualBoard

SOURCE = REPOSITORY / "tools" / "provision"

# Stands in for Windows: pyserial's part for POSIX is loaded before, because Windows has its own.
_WITHOUT_POSIX = """
import getpass, runpy, subprocess, sys, tempfile
import serial
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name in ("termios", "fcntl", "pty", "tty", "pwd", "grp", "resource"):
            raise ModuleNotFoundError("no module named " + name, name=name)
for name in ("termios", "fcntl", "pty", "tty", "pwd", "grp", "resource"):
    sys.modules.pop(name, None)
sys.meta_path.insert(0, Absent())
sys.argv = ["smartmeter-provision", *sys.argv[1:]]
runpy.run_module("smartmeter_provision", run_name="__main__")
"""


def wheel_of(source: Path, folder: Path) -> Path:
    done = subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
        + ["-w", str(folder), str(source)],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return wheel_of(SOURCE, tmp_path_factory.mktemp("wheels"))


@pytest.fixture(scope="module")
def site(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the package in it and nothing else."""
    assert wheel.name.endswith("-py3-none-any.whl")
    folder = tmp_path_factory.mktemp("site")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


def contents(wheel: Path) -> dict[str, bytes]:
    """All but the list of their digests, which names the files in another order."""
    with zipfile.ZipFile(wheel) as archive:
        return {n: archive.read(n) for n in archive.namelist() if not n.endswith("/RECORD")}


def test_the_sdist_alone_makes_the_same_wheel(wheel: Path, tmp_path: Path) -> None:
    build = [sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-d", str(tmp_path)]
    done = subprocess.run(build, cwd=SOURCE, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    sdist = next(tmp_path.glob("*.tar.gz"))
    packed = contents(wheel)
    assert contents(wheel_of(sdist, tmp_path / "wheels")) == packed
    license_text = next(v for n, v in packed.items() if n.endswith("dist-info/licenses/LICENSE"))
    assert license_text == (REPOSITORY / "LICENSE").read_bytes()
    for name in ("compiled/adapter/start.mpy", "firmware/adapter/schema.py", "device.py"):
        assert f"smartmeter_provision/{name}" in packed


def run(site: Path, cwd: Path, program: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *program],
        cwd=cwd,
        env=os.environ | {"PYTHONPATH": str(site)},
        capture_output=True,
        text=True,
        input="",
        timeout=90,
    )


def test_it_starts_away_from_the_repository(site: Path, tmp_path: Path) -> None:
    done = run(site, tmp_path, ["-m", "smartmeter_provision", "--help"])
    assert done.returncode == 0, done.stderr
    assert "smartmeter-provision --config adapter.toml" in done.stdout


def test_it_writes_to_a_board_without_the_modules_of_posix(
    site: Path, new_board: Callable[..., VirtualBoard], tmp_path: Path
) -> None:
    board = new_board()
    config = tmp_path / "adapter.toml"
    config.write_text(MINIMUM)
    options = ["--board", board.port, "--config", str(config), "--secrets", "-", "--no-watch"]
    done = run(site, tmp_path, ["-c", _WITHOUT_POSIX, *options])
    assert done.returncode == 0, done.stderr
    assert "smartmeter.settings" in os.listdir(tmp_path / "board" / "nvs")
    board.wait_console("joining Wi-Fi Home")


def test_it_copies_the_firmware_that_it_brings(site: Path, binary: str, tmp_path: Path) -> None:
    with VirtualBoard(tmp_path / "board", micropython=binary) as board:
        person = Person("--board", board.port, site=site)
        person.reads("The firmware is not on the board: copying it")
        person.reads("Countries: ")
        person.close()
        assert (site / "smartmeter_provision" / "compiled" / "adapter" / "start.mpy").is_file()


def test_it_brings_the_page_and_what_the_page_copies(site: Path, tmp_path: Path) -> None:
    program = [sys.executable, "-m", "smartmeter_provision", "--browser"]
    environment = os.environ | {"PYTHONPATH": str(site), "PATH": "/nowhere"}  # no npm
    process = subprocess.Popen(
        program, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout
    try:
        address = re.findall(r"http://127\.0\.0\.1:\d+/", process.stdout.readline())[0]

        def fetch(name: str) -> bytes:
            with urllib.request.urlopen(address + name, timeout=60) as answer:
                data: bytes = answer.read()
                return data

        assert b'src="app.js"' in fetch("")
        assert b"ESPLoader" in fetch("esptool-js/bundle.js")
        assert b"adapter/start.mpy" in fetch("firmware.json")
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("platform", ["win32", "darwin", "linux"])
def test_what_it_needs_is_locked_for_every_platform(platform: str) -> None:
    """A requirement that only one system has is in the lock as well, with the hashes of all."""
    project = tomllib.loads((SOURCE / "pyproject.toml").read_text())["project"]
    text = (lock.LOCKS / "provision.txt").read_text().replace("\\\n", "")
    locked = {}
    for line in text.splitlines():
        if line and not line.startswith(("#", " ")):
            requirement = Requirement(line.partition("--hash")[0].strip())
            locked[requirement.name] = requirement
    environment = {"sys_platform": platform, "os_name": "nt" if platform == "win32" else "posix"}
    for wanted in map(Requirement, project["dependencies"]):
        found = locked[wanted.name]
        assert not found.marker or found.marker.evaluate(environment)
        assert wanted.specifier.contains(str(found.specifier).removeprefix("=="))
    assert not {"amqtt", "micropython", "unearth"} & locked.keys()
