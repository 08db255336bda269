"""The parts install as the README says: from a clean clone and from git, as wheel, sdist, editable.

What is installed is the last commit, not the work tree: that is what a user gets.
"""

import importlib.metadata
import json
import os
import shutil
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest
import smartmeter

GATEWAY = (
    "import importlib.util, os, smartmeter, smartmeter_gateway;"
    "from smartmeter import Receiver; Receiver();"
    "assert importlib.util.find_spec('main') is None;"  # the device's own programs stay there
    "print(os.path.dirname(smartmeter.__file__))"
)

UPLOT = "cloud/src/smartmeter_cloud/web/uplot"  # where the build keeps what it has from npm


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory, repository: Path) -> Path:
    folder = tmp_path_factory.mktemp("clone") / "a path with spaces"
    subprocess.run(["git", "clone", "-q", str(repository), str(folder)], check=True)
    # npm was asked when this work tree was prepared, and need not be for every test
    shutil.copytree(repository / UPLOT, folder / UPLOT)
    return folder


def pip(command: str, *arguments: str, python: str = sys.executable) -> None:
    """--no-compile: what is imported once need not be compiled in advance."""
    options = ["--no-compile"] if command == "install" else []
    done = subprocess.run(
        [sys.executable, "-m", "pip", "--python", python, "--quiet", command, *options, *arguments],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


def new_python(folder: Path) -> str:
    venv.create(folder, with_pip=False, symlinks=True)
    return str(folder / "bin" / "python")


def wheel_of(source: str, tmp_path: Path) -> str:
    """Made by the hatchling that is here: that pip can fetch one, two of the tests below show."""
    pip("wheel", "--no-deps", "--no-build-isolation", "-w", str(tmp_path / "wheels"), source)
    return str(next((tmp_path / "wheels").glob("*.whl")))


def license_in(wheel: str) -> str:
    packed = zipfile.ZipFile(wheel)
    name = next(n for n in packed.namelist() if n.endswith(".dist-info/licenses/LICENSE"))
    return packed.read(name).decode()


def core_of(python: str, tmp_path: Path) -> Path:
    """The path from which the installed gateway takes its core; borrows dependencies from here."""
    site = next(Path(python).parent.parent.glob("lib/python*/site-packages"))
    ours = next(p for p in sys.path if p.endswith("site-packages"))
    (site / "borrowed.pth").write_text(f"{ours}\n")
    done = subprocess.run([python, "-c", GATEWAY], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    return Path(done.stdout.strip())


def test_both_parts_install_with_one_command(clone: Path, tmp_path: Path) -> None:
    python = new_python(tmp_path / "venv")
    pip("install", str(clone / "gateway"), str(clone / "cloud"), python=python)
    for command in ("smartmeter-gateway", "smartmeter-cloud"):
        done = subprocess.run(
            [Path(python).parent / command, "--help"], capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        assert "usage" in done.stdout.lower()
    status = subprocess.run(
        ["git", "status", "--porcelain"], cwd=clone, capture_output=True, text=True
    )
    assert status.stdout == "", "installing leaves files in the clone"


def test_all_parts_have_one_version(repository: Path) -> None:
    package = json.loads((repository / "firmware" / "package.json").read_text())
    versions = {"firmware/package.json": package["version"]}
    for part in ("gateway", "cloud"):
        versions[f"{part}/pyproject.toml"] = importlib.metadata.version(f"smartmeter-{part}")
        command = [sys.executable, "-m", f"smartmeter_{part}", "--version"]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        versions[" ".join(command[1:])] = done.stdout.strip()
    assert versions == dict.fromkeys(versions, smartmeter.__version__)


def test_gateway_from_git(clone: Path, tmp_path: Path) -> None:
    python = new_python(tmp_path / "venv")
    url = clone.as_uri().replace("file:", "git+file:")
    pip("install", "--no-deps", wheel_of(f"{url}#subdirectory=gateway", tmp_path), python=python)
    assert core_of(python, tmp_path).is_relative_to(tmp_path)


def test_an_editable_install_sees_the_live_core(clone: Path, tmp_path: Path) -> None:
    python = new_python(tmp_path / "venv")
    pip("install", "--no-deps", "-e", str(clone / "gateway"), python=python)
    assert core_of(python, tmp_path) == clone / "firmware" / "lib" / "smartmeter"


def test_the_wheel_can_be_made_from_the_sdist_alone(clone: Path, tmp_path: Path) -> None:
    build = [sys.executable, "-m", "hatchling", "build", "-d", str(tmp_path)]
    subprocess.run([*build, "-t", "sdist"], cwd=clone / "gateway", check=True, capture_output=True)
    sdist = next(tmp_path.glob("*.tar.gz"))
    with tarfile.open(sdist) as archive:
        names = archive.getnames()
    assert any(n.endswith("vendored/smartmeter/receiver.py") for n in names)
    wheel = wheel_of(str(sdist), tmp_path)
    packed = zipfile.ZipFile(wheel).namelist()
    core = {
        p.relative_to(clone / "firmware/lib").as_posix()
        for p in (clone / "firmware/lib/smartmeter").rglob("*.py")
    }
    assert core <= set(packed)
    assert not [n for n in packed if "__pycache__" in n or n.startswith("tests/")]
    assert license_in(wheel) == (clone / "LICENSE").read_text()
    python = new_python(tmp_path / "venv")
    pip("install", "--no-deps", wheel, python=python)
    assert core_of(python, tmp_path).is_relative_to(tmp_path)


def test_the_charts_library_is_the_pinned_one_or_there_is_no_cloud(
    clone: Path, tmp_path: Path
) -> None:
    shutil.copytree(clone, tmp_path / "clone")
    cloud = tmp_path / "clone" / "cloud"
    library = cloud / UPLOT.removeprefix("cloud/") / "uPlot.iife.min.js"
    as_released = library.read_bytes()
    library.write_bytes(as_released.replace(b"uPlot", b"UPlot", 1))
    build = [sys.executable, "-m", "hatchling", "build", "-d", str(tmp_path)]
    without_npm = os.environ | {"PATH": str(tmp_path)}
    done = subprocess.run(
        [*build, "-t", "wheel"], cwd=cloud, env=without_npm, capture_output=True, text=True
    )
    assert done.returncode != 0
    assert "smartmeter-cloud: uPlot 1.6.32, which draws the charts" in done.stderr
    assert "Traceback" not in done.stderr
    library.write_bytes(as_released)
    subprocess.run([*build, "-t", "sdist"], cwd=cloud, env=without_npm, check=True)
    sdist = next(tmp_path.glob("*.tar.gz"))
    wheel = wheel_of(str(sdist), tmp_path)
    assert license_in(wheel) == (clone / "LICENSE").read_text()
    packed = zipfile.ZipFile(wheel)
    assert packed.read("smartmeter_cloud/web/uplot/uPlot.iife.min.js") == as_released
    assert "smartmeter_cloud/web/uplot/LICENSE" in packed.namelist()
