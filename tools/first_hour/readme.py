"""The commands in the README, as a newcomer copies them."""

import re
from pathlib import Path

_FENCED = re.compile(r"^```[a-z]*\n(.*?)^```", re.MULTILINE | re.DOTALL)
_INDENTED = re.compile(r"(?:^(?: {4}|\t).*\n?)+", re.MULTILINE)


class Missing(Exception):
    """The README has no such commands; one sentence."""


def blocks(text: str) -> list[list[str]]:
    """The command lines of each block, without comments."""
    found = [m[1] for m in _FENCED.finditer(text)]
    found += [m[0] for m in _INDENTED.finditer(_FENCED.sub("", text))]
    return [
        [
            line
            for raw in block.splitlines()
            if (line := raw.split(" # ")[0].strip()) and line[0] != "#"
        ]
        for block in found
    ]


def block_with(readme: Path, *words: str) -> list[str]:
    """The lines of the first block in which each word occurs. Raises Missing."""
    for lines in blocks(readme.read_text(encoding="utf-8")):
        if all(any(word in line for line in lines) for word in words):
            return lines
    raise Missing(f"README.md has no block of commands with {' and '.join(words)}")
