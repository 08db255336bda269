r"""A meter's own text as programs print it: with escapes, marks for line ends, in cut pieces.

"/FLU5\\253769484_A\r\n"                    ESPHome, JSON, Python's repr
1-0:1.8.1(000116.372*kWh)<\r><\n>           HTerm and other terminal programs
... received data: 1-0:1.8.1(0001           Home Assistant: a line may be cut in two
"""

import re
from collections.abc import Iterable, Iterator

_LINE_MAX = 1 << 20
_BYTES = re.compile(r"""\bb["']""")  # notations.py reads these
_ESCAPED = re.compile(r"\\[rn]")
_STRING = re.compile(r"""(?<![0-9A-Za-z])(["'])((?:[^"'\\]|\\.)*)\1""")
_LOGGED = re.compile(r"""<<< "((?:[^"\\]|\\.)*)"\s*$""")  # ESPHome, line end or not
_OPEN_STRING = re.compile(r"""^[^"'/]*["']?((?:[^"'\\]|\\.)*)""")
_ESCAPE = re.compile(r"""\\(?:x([0-9A-Fa-f]{2})|u00([0-9A-Fa-f]{2})|([rnt\\"'/]))""")
_LETTERS = {"r": "\r", "n": "\n", "t": "\t"}
_MARKS = re.compile(r"<\\r>|<CR>|\[CR\]|<0[dD]>|(<\\n>|<LF>|\[LF\]|<0[aA]>)\n?", re.IGNORECASE)
_PIECE = re.compile(r"^.*\breceived data: ?")


def unfolded(lines: Iterable[str]) -> Iterator[str]:
    """The meter's lines in lines that a program printed; other lines stay as they are."""
    held = ""
    ended = False  # whether the line before is complete, unless this one is its second half
    for line in lines:
        line = line.rstrip("\r")
        strings = _strings(line)
        piece = _PIECE.match(line)
        if ended and not piece:
            held += "\n"
        if strings is None:
            held += _without_marks(line[piece.end() :] if piece else line)
        else:
            held += strings
        ended = strings is None
        *whole, held = held.split("\n")
        if len(held) > _LINE_MAX:  # strings without a line end in them
            whole.append(held)
            held = ""
        yield from whole
    yield held


def _strings(line: str) -> str | None:
    """What the strings with an escaped line end in a line hold; None if there is no such string."""
    logged = _LOGGED.search(line)
    if logged:
        return _ESCAPE.sub(_meant, logged[1])
    if not _ESCAPED.search(line) or "<\\" in line or _BYTES.search(line):
        return None
    found = [match[2] for match in _STRING.finditer(line) if _ESCAPED.search(match[2])]
    if not found:  # it is not closed, or stands without quotes
        opened = _OPEN_STRING.match(line)
        found = [opened[1] if opened and _ESCAPED.search(opened[1]) else line]
    return "".join(_ESCAPE.sub(_meant, text) for text in found)


def _meant(escape: re.Match[str]) -> str:
    digits = escape[1] or escape[2]
    if digits:
        return chr(int(digits, 16))
    return _LETTERS.get(escape[3], escape[3])


def _without_marks(line: str) -> str:
    """The line with the line ends that its marks mean; the program's own one comes after it."""
    if "<" not in line and "[" not in line:
        return line
    line = _MARKS.sub(lambda mark: "\n" if mark[1] else "", line)
    return line[:-1] if line.endswith("\n") else line
