"""A meter's own text as found in forums and logs: with labels on each line, without blank lines.

Its CRC counts every character. So each change that a paste may have made is undone, and the text
whose CRC matches is used. If none matches, the text stays as it was pasted.
"""

import re
from collections.abc import Iterable, Iterator

from smartmeter.checks.crc import arc

from .printed_text import unfolded

_BEFORE = r"(?<![0-9A-Za-z.:*/-])"
# Four spaces are before a remark in a listing, not within an identification.
_IDENTIFICATION = re.compile(rf"{_BEFORE}/[A-Za-z]{{3}}[0-9A-Za-z].*?(?=\s{{4}}|$)")
_CODE = r"(?:\d+-\d+:)?[0-9CF]{1,3}(?:[.:][0-9CF]{1,3}){1,3}[*&0-9]*"
_DATA = re.compile(rf"{_BEFORE}{_CODE}\([^()]*\)(?: ?(?:{_CODE})?\([^()]*\))*")
_HEAD = re.compile(r"[A-Za-z]{3}[0-9A-Za-z]\S{2,30}")  # an identification without its "/"
_FURTHER = re.compile(r"(?<!\S)\([0-9.]+\)$")  # the number of a gas meter, in DSMR 2 and 3
_END = re.compile(r"(?<!\S)!([0-9A-Fa-f]{0,4})(?=\s{4}|$)")
_LINES_MAX = 400


def data_lines(lines: list[str]) -> int:
    """How many lines hold a data line of P1 or IEC 62056-21."""
    return sum(1 for line in lines if _DATA.search(line))


def telegrams(lines: Iterable[str]) -> Iterator[bytes]:
    """The telegrams in lines, each with CR LF; lines that do not belong to one are left out."""
    held: list[str] = []
    for line in unfolded(lines):
        line = line.strip()
        begin = _IDENTIFICATION.search(line)
        if begin and not _DATA.search(line):
            yield _as_it_was(held)
            held = [begin[0]]
            continue
        end = _END.search(line)
        if end:
            yield _whole([*held, end[0]])
            held = []
            continue
        found = _DATA.search(line) or _FURTHER.search(line)
        if found:
            held.append(found[0])
        elif not held and _HEAD.fullmatch(line):
            held = [line]
        if len(held) > _LINES_MAX:
            yield _as_it_was(held)
            held = []
    yield _as_it_was(held)


def _as_it_was(lines: list[str]) -> bytes:
    return "".join(line + "\r\n" for line in lines).encode("ascii", "replace")


def _whole(lines: list[str]) -> bytes:
    """A telegram as its CRC says it was sent, or with a blank line behind its identification."""
    head, *data = lines
    plain = [_as_it_was([head, "", *data]), _as_it_was(lines)]
    for telegram in plain:
        if _agrees(telegram):
            return telegram
    for changed in _heads(head):
        telegram = _as_it_was([changed, "", *data])
        if _agrees(telegram):
            return telegram
    return plain[0] if head.startswith("/") else plain[1]


def _heads(head: str) -> Iterator[str]:
    """The identifications that web pages and programs make such a one of."""
    if not head.startswith("/"):
        head = "/" + head
        yield head
    if "\\\\" in head:
        yield head.replace("\\\\", "\\")
    elif "\\" not in head:  # which Markdown takes for an escape
        yield head[:5] + "\\" + head[5:]


def _agrees(telegram: bytes) -> bool:
    end = telegram.rfind(b"!") + 1
    stated = telegram[end:].strip()
    return bool(stated) and int(stated, 16) == arc(telegram, 0, end)
