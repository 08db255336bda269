"""Write the locks: every Python package that `make` installs, with its version and hashes.

    python -m tools.environment.lock              after a change of requirements
    python -m tools.environment.lock --upgrade    the newest version of everything

Each dependency group of pyproject.toml has its lock, tools/locks/GROUP.txt. One lock fits every
platform and every Python from 3.11. It names packages only, never the index they come from.
"""

import argparse
import subprocess
import sys
import tomllib
from pathlib import Path

from packaging.requirements import Requirement

REPOSITORY = Path(__file__).resolve().parents[2]
LOCKS = REPOSITORY / "tools" / "locks"
PARTS = ("gateway", "cloud")
# Groups that run the chain need what its parts need; the tests use the Cloud's extras, too.
RUNS_THE_CHAIN = ("demo", "test")
_OLDEST_PYTHON = "3.11"


def _project(folder: str) -> dict:
    return tomllib.loads((REPOSITORY / folder / "pyproject.toml").read_text())


def groups() -> list[str]:
    return list(_project(".")["dependency-groups"])


def direct(group: str) -> list[str]:
    """The requirements of a group as the pyproject files state them, without our own packages."""
    found = _members(group)
    parts = [_project(folder) for folder in PARTS]
    if group == "build":
        found += [r for part in parts for r in part["build-system"]["requires"]]
    if group in RUNS_THE_CHAIN:
        found += [r for part in parts for r in part["project"]["dependencies"]]
    if group == "test":
        extras = [part["project"].get("optional-dependencies", {}) for part in parts]
        found += [r for extra in extras for requirements in extra.values() for r in requirements]
    ours = {part["project"]["name"] for part in parts}
    return sorted({r for r in found if Requirement(r).name not in ours})


def _members(group: str) -> list[str]:
    found = []
    for entry in _project(".")["dependency-groups"][group]:
        found += [entry] if isinstance(entry, str) else _members(entry["include-group"])
    return found


def _write(group: str, constraint: Path | None, upgrade: bool) -> None:
    command = ["uv", "pip", "compile", "-", "--output-file", str(LOCKS / f"{group}.txt")]
    command += ["--quiet", "--universal", "--generate-hashes", "--no-annotate"]
    command += ["--python-version", _OLDEST_PYTHON, "--custom-compile-command", "make lock"]
    if constraint:
        command += ["--constraint", str(constraint)]
    if upgrade:
        command += ["--upgrade"]
    done = subprocess.run(
        [sys.executable, "-m", *command], input="\n".join(direct(group)), text=True
    )
    if done.returncode:
        sys.exit(f"lock: uv could not lock the group {group}; its message is above")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--upgrade", action="store_true", help="take the newest versions")
    upgrade = parser.parse_args().upgrade
    # `make demo` and `make test` share one .venv, so both install the same versions.
    widest = LOCKS / "test.txt"
    _write("test", None, upgrade)
    for group in groups():
        if group != "test":
            _write(group, widest, upgrade)
    return 0


if __name__ == "__main__":
    sys.exit(main())
