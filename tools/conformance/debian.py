"""`make debian`: the README's two commands on a fresh Debian, as root and as an ordinary user.

For each release a debootstrapped Debian gets a clone of the newest commit. `make demo` runs as
root and as a user, and `make test` as a user. DEBIAN_RELEASES (default "bookworm trixie") names
the releases, and DEBIAN_TESTS=0 leaves `make test` out. Needs root.
"""

import os
import subprocess
import sys
import time
from pathlib import Path

from tools.environment.debian import Unavailable
from tools.environment.debian_root import DebianRoot, fresh
from tools.environment.prepare import REPOSITORY
from tools.table import Table

_USER = "anna"
_DEMO = {"DEMO_SECONDS": "20"}


def _clone(root: DebianRoot, home: str, user: str) -> str:
    """The folder, as seen from inside."""
    inside = f"{home}/smart-meter-chain"
    outside = root.path / inside.lstrip("/")
    subprocess.run(
        ["git", "clone", "--quiet", "--no-hardlinks", str(REPOSITORY), str(outside)], check=True
    )
    root.run(["chown", "-R", f"{user}:", inside])
    return inside


def _python(root: DebianRoot) -> str:
    return os.readlink(root.path / "usr/bin/python3").removeprefix("python")


def _skipped(log: Path) -> str:
    """The last line of a test run, which counts what was skipped."""
    lines = log.read_text(errors="replace").splitlines()
    counted = [line for line in lines if " passed" in line or " failed" in line]
    return counted[-1].strip("= ") if counted else (lines[-1] if lines else "no output")


def check(suite: str, logs: Path, table: Table) -> bool:
    good = True
    with fresh(suite) as root:
        root.add_user(_USER)
        for user, home, commands in (
            ("root", "/root", ["demo"]),
            (_USER, f"/home/{_USER}", ["demo", "test"]),
        ):
            folder = _clone(root, home, user)
            for command in commands:
                if command == "test" and os.environ.get("DEBIAN_TESTS") == "0":
                    continue
                log = logs / f"{suite}-{user}-{command}.log"
                print(f"make {command} as {user} on {suite}: {log}", file=sys.stderr, flush=True)
                begin = time.monotonic()
                status = root.run(["make", command], user, folder, _DEMO, log)
                seconds = time.monotonic() - begin
                said = _skipped(log) if command == "test" else ""
                table.row(suite, _python(root), user, command, seconds, status, said)
                good &= status == 0
    return good


def main() -> int:
    suites = os.environ.get("DEBIAN_RELEASES", "bookworm trixie").split()
    logs = REPOSITORY / ".cache" / "debian"
    logs.mkdir(parents=True, exist_ok=True)
    for old in logs.glob("*.log"):
        old.unlink()
    table = Table(
        ("release", 9), ("Python", 6), ("as", 5), ("make", 5), ("s", 6), ("status", 6),
        ("tests", 60),
    )  # fmt: skip
    try:
        good = [check(suite, logs, table) for suite in suites]
    except Unavailable as why:
        print(why, file=sys.stderr)
        return 1
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
