"""Programs from npm, by exact version, in a private folder; nothing is installed on the machine."""

import os
import subprocess
from pathlib import Path

from tools.environment.debian import Unavailable
from tools.environment.prepare import CACHE, VENV


def environment(**more: str) -> dict[str, str]:
    """The environment for npm and its programs. .venv has Node where the machine's is too old."""
    path = f"{VENV / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}"
    return os.environ | {"PATH": path} | more


def installed(name: str, packages: tuple[str, ...]) -> Path:
    """The folder that npm made of them: node_modules. packages: NAME@VERSION. Unavailable."""
    folder = CACHE / f"npm-{name}"
    stamp = folder / "installed"
    if not stamp.exists() or stamp.read_text() != " ".join(packages):
        folder.mkdir(parents=True, exist_ok=True)
        options = ["--no-audit", "--no-fund", "--no-save", "--silent", "--prefix", str(folder)]
        try:
            done = subprocess.run(
                ["npm", "install", *options, *packages],
                env=environment(),
                capture_output=True,
                text=True,
            )
        except FileNotFoundError:
            raise Unavailable("there is no npm; run python3 tools/environment/prepare.py") from None
        if done.returncode:
            last = (done.stderr.strip() or "it printed nothing").splitlines()[-1]
            raise Unavailable(f"npm could not install {', '.join(packages)}: {last}")
        stamp.write_text(" ".join(packages))
    return folder / "node_modules"
