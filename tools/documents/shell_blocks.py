"""Runs the shell blocks of README.md and docs/ that say that they can be run.

    python -m tools.documents.shell_blocks               all of them
    python -m tools.documents.shell_blocks README.md     those of some files

The line before a block of ```sh is one of these:

    <!-- run NAME=VALUE ... -->    runs, with these variables in its environment
    <!-- not run: WHY -->          is skipped, and WHY is printed

The blocks of a file run one after another, each in the folder where the one before has ended. The
first begins in an empty folder, which is HOME. URL is this repository's address. The programs of
.venv are on the PATH.
"""

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from tools.environment.prepare import CACHE, REPOSITORY, VENV

_SECONDS = 900  # for a block; make demo may have to make a .venv
_BLOCK = re.compile(r"(?:^<!-- *(.*?) *-->\n)?^( *)```sh\n(.*?)^\2```$", re.MULTILINE | re.DOTALL)
_RUN = re.compile(r"run((?: [A-Z_]+=\S+)*)")
_NOT_RUN = re.compile(r"not run: (\S.*)")


class Block(NamedTuple):
    """A block of a file. skipped: why it is not run, "" if it is; more: its environment."""

    file: str
    line: int
    commands: str
    skipped: str
    more: dict[str, str]


class Unmarked(ValueError):
    """A block that does not say whether it can be run."""


def files(root: Path = REPOSITORY) -> list[str]:
    found = [root / "README.md", *sorted((root / "docs").rglob("*.md"))]
    return [path.relative_to(root).as_posix() for path in found]


def blocks(name: str, text: str) -> Iterator[Block]:
    """The shell blocks of a file. Raises Unmarked."""
    for found in _BLOCK.finditer(text):
        mark, _, commands = found.groups(default="")
        line = text.count("\n", 0, found.end()) - commands.count("\n")
        run, skipped = _RUN.fullmatch(mark), _NOT_RUN.fullmatch(mark)
        if not run and not skipped:
            raise Unmarked(
                f"{name}:{line}: a block of sh needs <!-- run --> or <!-- not run: WHY -->"
            )
        more = dict(pair.split("=", 1) for pair in run[1].split()) if run else {}
        yield Block(name, line, commands, skipped[1] if skipped else "", more)


def run(block: Block, home: Path, repository: Path = REPOSITORY) -> int:
    """The exit status of a block's commands; the first that fails ends them."""
    at = home / ".at"
    environment = os.environ | {
        "HOME": str(home),
        "URL": str(repository),
        "PATH": f"{VENV / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "XDG_CACHE_HOME": str(CACHE.parent),  # what was downloaded before, with the other HOME
        **block.more,
    }
    commands = re.sub(r"\bURL\b", '"$URL"', block.commands) + 'pwd > "$HOME/.at"\n'
    try:
        return subprocess.run(
            ["sh", "-ec", commands],
            cwd=at.read_text().strip() if at.exists() else home,
            env=environment,
            stdin=subprocess.DEVNULL,
            timeout=_SECONDS,
        ).returncode
    except subprocess.TimeoutExpired:
        print(f"it did not end within {_SECONDS} s", file=sys.stderr)
        return 124


def main(names: list[str]) -> int:
    failed = counted = 0
    for name in names or files():
        with tempfile.TemporaryDirectory(prefix="smartmeter-docs-") as folder:
            try:
                found = list(blocks(name, (REPOSITORY / name).read_text(encoding="utf-8")))
            except (OSError, Unmarked) as why:
                print(f"shell_blocks: {why}", file=sys.stderr)
                return 2
            for block in found:
                where = f"{block.file}:{block.line}"
                if block.skipped:
                    print(f"{where}: not run: {block.skipped}", flush=True)
                    continue
                print(f"{where}: running", flush=True)
                status = run(block, Path(folder))
                counted += 1
                failed += status != 0
                print(f"{where}: {'ok' if not status else f'FAILED ({status})'}", flush=True)
    print(f"shell_blocks: {counted} blocks ran, {failed} failed")
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
