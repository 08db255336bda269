"""python -m tools.prose: checks that the project's prose is short and plain.

It reads Markdown paragraphs and list items, docstrings and comments. Sentences must be short in
Markdown and in the first paragraph of a docstring. With paths, it checks only these. Without, it
checks what git tracks. The exit status is 1 if it finds something.
"""

import argparse
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from . import markdown, python, rules

ROOT = Path(__file__).resolve().parents[2]


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tools.prose",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("path", nargs="*", type=Path, help="a file or folder to check")
    chosen: list[Path] = parser.parse_args().path
    found = 0
    for path in _chosen(chosen) if chosen else tracked():
        shown = path.relative_to(ROOT) if path.is_relative_to(ROOT) else path
        for line, fault in check(path):
            print(f"{shown}:{line}: {fault}")
            found += 1
    if found:
        print(f"prose: {found} places to rewrite", file=sys.stderr)
    return 1 if found else 0


def check(path: Path) -> Iterator[tuple[int, str]]:
    """Yield (line, what is wrong) for one file; kinds other than .md and .py have no faults."""
    source = path.read_text(encoding="utf-8")
    if path.suffix == ".md":
        for passage in markdown.passages(source):
            yield from rules.faults(passage)
    elif path.suffix == ".py":
        for passage in python.passages(source):
            yield from rules.faults(passage)


def tracked() -> Iterator[Path]:
    """Yield the Markdown and Python files that git tracks."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "*.md", "*.py"], cwd=ROOT, capture_output=True, check=True
    )
    for name in listed.stdout.decode().split("\0"):
        path = ROOT / name
        if name and path.is_file():
            yield path


def _chosen(paths: list[Path]) -> Iterator[Path]:
    for path in paths:
        if path.is_dir():
            inside = (*path.rglob("*.md"), *path.rglob("*.py"))
            yield from sorted(each.resolve() for each in inside)
        else:
            yield path.resolve()


if __name__ == "__main__":
    raise SystemExit(main())
