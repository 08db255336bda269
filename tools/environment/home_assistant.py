"""Home Assistant in a Debian of its own: the newest that its Python can run, from PyPI.

Home Assistant wants a newer Python than most machines have, and some 80 packages. So it lives in
a debootstrapped trixie, and runs there by chroot.
"""

import shutil
import tempfile
from pathlib import Path

from tools.environment.debian import Unavailable
from tools.environment.debian_root import DebianRoot, copied
from tools.environment.prepare import CACHE

SUITE = "trixie"
PYTHON = "/ha/bin/python"
# lru-dict has no wheel for every Python.
_PACKAGES = ("python3-venv", "python3-dev", "gcc", "libc6-dev")
# Parts of Home Assistant that run here. Their requirements are in their manifests, and without
# them Home Assistant would fetch them at its first start.
COMPONENTS = ("mqtt", "api", "config", "onboarding", "history", "energy", "utility_meter", "logger")
_REQUIREMENTS = """\
import json, pathlib, subprocess, sys, homeassistant
from homeassistant.bootstrap import CORE_INTEGRATIONS, DEFAULT_INTEGRATIONS
components = pathlib.Path(homeassistant.__file__).parent / "components"
todo, seen, wanted = [*sys.argv[1:], *CORE_INTEGRATIONS, *DEFAULT_INTEGRATIONS], set(), set()
while todo:
    name = todo.pop()
    if name not in seen:
        seen.add(name)
        manifest = json.loads((components / name / "manifest.json").read_text())
        wanted |= set(manifest.get("requirements", ()))
        todo += manifest.get("dependencies", ())
subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", *sorted(wanted)], check=True)
"""


def root() -> DebianRoot:
    """The Debian with Home Assistant, made once; this takes some five minutes. Unavailable."""
    folder = CACHE / f"home-assistant-{SUITE}"
    if folder.exists():
        return DebianRoot(folder)
    CACHE.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(prefix=f"{folder.name}.", dir=CACHE))
    log = CACHE / f"{folder.name}.log"
    log.unlink(missing_ok=True)
    try:
        inside = copied(SUITE, made / "root")
        for command in (
            ["apt-get", "update"],
            ["apt-get", "install", "-y", "--no-install-recommends", *_PACKAGES],
            ["python3", "-m", "venv", "/ha"],
            [PYTHON, "-m", "pip", "install", "homeassistant"],
            [PYTHON, "-c", _REQUIREMENTS, *COMPONENTS],
        ):
            if inside.run(command, log=log):
                raise Unavailable(f"Home Assistant could not be installed; see {log}")
        inside.path.chmod(0o755)
        inside.path.rename(folder)
    finally:
        shutil.rmtree(made, ignore_errors=True)
    return DebianRoot(folder)
