"""Has esptool-js, which writes MicroPython's image, beside the page; the repository has no copy.

It comes from npm, and its digests are pinned here. hatch_build.py puts it into the package; a
checkout gets it when `python -m tools.provision --browser` first starts.
"""

import base64
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

VERSION = "0.7.0"
# npm view esptool-js@0.7.0 dist.integrity
INTEGRITY = (
    "sha512-"
    "9wHuW/s9t4Vs6HKcr3pra3gbRVWwaN0eabMWodWH4KEJHEYZxgmWwZ3s0F4xcWVCZOc/L98bGZ4uWoZvR8KBKA=="
)
# SHA-256 of what of it is shipped
FILES = {
    "LICENSE": "1c25f29242785d63e9adb0be7fdc137551dfbbc0756b622fcd26d9cd7de3a4f3",
    "bundle.js": "00ebe6fb0b202976d3e2a3c6b9a6bd438c26a81d2af6739c95ac276a64c1a84e",
}
_NPM_S = 300


class Unavailable(Exception):
    """Why it could not be had; one sentence."""


def ensure(folder: Path) -> None:
    """Puts the files into folder if they are not there. Raises Unavailable."""
    if in_place(folder):
        return
    try:
        _fetch(folder)
    except OSError as why:
        raise _unavailable(f"{why.strerror}: {why.filename}") from None


def in_place(folder: Path) -> bool:
    return all(
        (path := folder / name).is_file()
        and hashlib.sha256(path.read_bytes()).hexdigest() == digest
        for name, digest in FILES.items()
    )


def _fetch(folder: Path) -> None:
    with tempfile.TemporaryDirectory() as place:
        archive = _pack(Path(place))
        digest = base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
        if f"sha512-{digest}" != INTEGRITY:
            raise _unavailable("what npm gave has another digest than the release")
        folder.mkdir(parents=True, exist_ok=True)
        with tarfile.open(archive) as opened:
            for name in FILES:
                source = opened.extractfile(f"package/{name}")
                assert source is not None
                # Renamed into place: who reads it meanwhile sees all of a file or none.
                part = folder / f"{name}.{os.getpid()}"
                part.write_bytes(source.read())
                part.replace(folder / name)


def _pack(place: Path) -> Path:
    """Has npm put the release's archive into place."""
    beside = Path(sys.executable).parent  # where PyPI's Node puts it
    npm = shutil.which("npm", path=f"{os.environ.get('PATH', '')}{os.pathsep}{beside}")
    if not npm:
        raise _unavailable("npm is not installed")
    options = ["--json", "--ignore-scripts", "--prefer-offline", "--fetch-retries=1"]
    command = [npm, "pack", f"esptool-js@{VERSION}", *options]
    try:
        done = subprocess.run(command, cwd=place, capture_output=True, text=True, timeout=_NPM_S)
    except subprocess.TimeoutExpired:
        raise _unavailable(f"npm did not end within {_NPM_S} s") from None
    if done.returncode:
        try:
            reason = json.loads(done.stdout)["error"]["summary"]
        except (ValueError, LookupError):
            reason = f"npm ended with status {done.returncode}"
        raise _unavailable(reason)
    return next(place.glob("*.tgz"))


def _unavailable(reason: str) -> Unavailable:
    return Unavailable(
        f"esptool-js {VERSION}, which writes MicroPython's image, could not be had by npm "
        f"({reason}); check the network and npm's settings, and try again"
    )
