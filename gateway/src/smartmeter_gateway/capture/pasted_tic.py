"""TIC groups of France's meters as found in forums and logs: lines without STX, LF and ETX.

Each group has its own check, so a line is one if its check agrees. A check may be a space, which
a paste often loses at the end of a line.
"""

import re
from collections.abc import Iterable, Iterator

from smartmeter.link.tic import mode_of

_LABEL = re.compile(r"(?<![0-9A-Za-z])([A-Z][A-Z0-9+-]{2,8})[ \t]")
_FIRST = (b"ADCO", b"ADSC", b"ADIR1")  # of a frame's labels
_GROUPS_MAX = 100
_LOST = ("", " ", "  ", "\t ")  # separator and check, of which a paste removes the spaces


def count(lines: Iterable[str]) -> int:
    """How many lines are groups."""
    return sum(1 for line in lines if _group(line))


def frames(lines: Iterable[str]) -> Iterator[bytes]:
    """The frames of the groups in lines; other lines are left out."""
    held: list[bytes] = []
    for line in lines:
        group = _group(line)
        if not group:
            continue
        if held and (group.startswith(_FIRST) or len(held) >= _GROUPS_MAX):
            yield _frame(held)
            held = []
        held.append(group)
    if held:
        yield _frame(held)


def _frame(groups: list[bytes]) -> bytes:
    return b"\x02" + b"".join(b"\n" + group + b"\r" for group in groups) + b"\x03"


def _group(line: str) -> bytes:
    """The group at the end of a line, b"" if there is none."""
    found = _LABEL.search(line)
    if not found or len(line) > 200:
        return b""
    text = line[found.start() :].rstrip("\r\n")
    for lost in _LOST:
        group = ((text.rstrip() if lost else text) + lost).encode("ascii", "replace")
        if mode_of(group):
            return group
    return b""
