"""Finds the prose of a Markdown file: paragraphs and list items.

Headings, tables, code blocks and HTML are skipped. Code spans, URLs and emphasis are removed from
the text. `<!-- long -->` on the line before a passage allows long sentences in it.
"""

import re
from collections.abc import Iterator

from .passage import Passage, join

_FENCE = re.compile(r"\s*(```+|~~~+)")
_BULLET = re.compile(r"(\s*)([-*+]|\d+[.)])(\s+)")
_LONG = re.compile(r"<!--\s*long\s*-->")
_COMMENT = re.compile(r"<!--.*?-->")
_SKIPPED = re.compile(r"\s*(#|\||</?[a-zA-Z]|(-{3,}|={3,})\s*$)")
_CODE = re.compile(r"(`+)(.+?)\1(?!`)")
_IMAGE_OR_LINK = re.compile(r"!?\[([^\]]*)\]\([^)]*\)")
_URL = re.compile(r"<?https?://[^\s>)]+>?")


def passages(source: str) -> Iterator[Passage]:
    """Yield each paragraph and each list item of a Markdown text."""
    block: list[tuple[int, str]] = []
    fence = ""
    long_is_fine = False
    indent = 0  # of the text in the present list item
    after_blank = True
    in_code = False

    def finished() -> Iterator[Passage]:
        nonlocal long_is_fine
        if block:
            yield _plain(block, long_is_fine)
            block.clear()
            long_is_fine = False

    for number, raw in enumerate(source.splitlines(), 1):
        line = re.sub(r"^\s*>\s?", "", raw)
        opening = _FENCE.match(line)
        if fence:
            if opening and opening[1].startswith(fence):
                fence = ""
            continue
        if opening:
            yield from finished()
            fence = opening[1]
            continue
        if not line.strip():
            yield from finished()
            after_blank = True
            continue
        depth = len(line) - len(line.lstrip())
        bullet = _BULLET.match(line)
        in_code = depth >= indent + 4 and not block and (after_blank or in_code) and not bullet
        if in_code:
            after_blank = False
            continue
        if _LONG.search(line):
            yield from finished()
            long_is_fine = True
        line = _COMMENT.sub("", line)
        if after_blank and depth == 0 and not bullet:
            indent = 0
        if not line.strip() or _SKIPPED.match(line):
            yield from finished()
        elif bullet:
            yield from finished()
            indent = bullet.end()
            block.append((number, line[bullet.end() :]))
        else:
            block.append((number, line))
        after_blank = False
    yield from finished()


def _plain(block: list[tuple[int, str]], long_is_fine: bool) -> Passage:
    """Blank out what is not prose; the offsets stay, so that lines can be named."""
    passage = join(block, long_is_fine)
    text = _CODE.sub(lambda found: _blank(found[0]), passage.text)
    text = _IMAGE_OR_LINK.sub(lambda found: _keep(found[0], found[1]), text)
    text = _URL.sub(lambda found: _blank(found[0]), text)
    text = text.replace("**", "  ")
    return Passage(text, passage.starts, passage.lines, long_is_fine)


def _blank(text: str) -> str:
    return " " * len(text)


def _keep(whole: str, words: str) -> str:
    before = whole.index("[") + 1
    return " " * before + words + " " * (len(whole) - before - len(words))
