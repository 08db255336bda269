"""A passage of prose, and the line on which each of its characters stands."""

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Passage:
    """Prose without line breaks, taken from one file.

    `long_is_fine` is set by a mark in the file: sentences of this passage may be long.
    """

    text: str
    starts: tuple[int, ...]  # offset in `text` at which each line begins
    lines: tuple[int, ...]  # the number of each of these lines in the file, from 1
    long_is_fine: bool = False

    def line(self, offset: int) -> int:
        """Return the line in the file for an offset in `text`."""
        return self.lines[bisect_right(self.starts, offset) - 1]


def join(numbered: Iterable[tuple[int, str]], long_is_fine: bool = False) -> Passage:
    """Join lines, given with their numbers, into one passage."""
    text = ""
    starts: list[int] = []
    lines: list[int] = []
    for number, line in numbered:
        starts.append(len(text))
        lines.append(number)
        text += line.strip() + " "
    return Passage(text.rstrip(), tuple(starts), tuple(lines), long_is_fine)
