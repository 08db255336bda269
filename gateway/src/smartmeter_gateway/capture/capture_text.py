"""Turns captures into bytes: binary, hex digits, hex dumps and logs of serial ports.

It also reads what programs print (notations.py) and people paste (pasted_text.py). Offsets, ASCII
columns, times and labels are removed. Lines without bytes, and bytes that the log calls sent, are
left out and counted.
"""

import codecs
import re
from collections.abc import Iterator
from itertools import chain
from typing import BinaryIO

from smartmeter import Reading, Receiver
from smartmeter_service.toml_file import SettingsError

from . import notations, pasted_text, pasted_tic, printed_text

PIECE = 65536
_LINE_MAX = 1 << 20
_ROW_LEAST = 8  # bytes; and of lines of a meter's text, more than
_SURE = 2
_REPEAT_MAX = 1 << 16  # bytes that one "*" of hexdump may stand for

_CONTROLS = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1a\x1c-\x1f\x7f]")
_PURE = re.compile(r"(?:0x|\\x|[0-9A-Fa-f\s:,;.-])*", re.IGNORECASE)
_TERMINAL = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")  # colours in ESPHome's logs
# A meter's own text: an identification line, or a data line of P1 or IEC 62056-21.
_METER_TEXT = re.compile(r"^(?:/[A-Za-z]{3}|[0-9CF][0-9CF.:*-]*\()", re.MULTILINE)

_PAIR = "[0-9A-Fa-f]{2}"
_XXD = re.compile(rf"([0-9A-Fa-f]{{8,16}}): ((?:{_PAIR})+(?: (?:{_PAIR})+)*)(?:  .*| *)")
_HEXDUMP = re.compile(rf"([0-9A-Fa-f]{{7,16}})  ({_PAIR}(?: {{1,2}}{_PAIR})*) *\|.*")
# od, Wireshark and others: the offset must count what came before, otherwise it is not an offset.
_OFFSET = re.compile(
    rf"\s*(?:0x)?([0-9A-Fa-f]{{4,16}}):?\s+(?:({_PAIR}(?:[ -]{{1,2}}{_PAIR})*)"
    rf"(?:\s{{3}}.*|\s*\|.*|\s*)|({_PAIR}(?:[ -]{{1,2}}{_PAIR}){{15}})\s.*)"
)
_WORDS = re.compile(r"0{7}(?: +[0-9A-Fa-f]{4})+\s*")

_DATE = r"(?:\d{4}[-/.]\d\d?[-/.]\d\d?|\d\d?[-/.]\d\d?[-/.]\d{2,4})"
_CLOCK = r"\d\d?:\d\d(?::\d\d(?:[.,]\d{1,9}|:\d{3})?)?(?: ?[AP]M)?(?:Z|[+-]\d\d:?\d\d)?"
_STAMP = re.compile(
    rf"(?<![0-9A-Fa-f:.-])(?:{_DATE}[T ,]*{_CLOCK}|{_CLOCK}|{_DATE}|\d{{9,13}}[.,]\d+)"
    r"(?![0-9A-Fa-f:-]|[.,]\d)"
)
_WORD = re.compile(r"[^\s,;:\-|#<>\[\](){}'\"`]+|[\s,;:\-]+|.")
_BYTES = re.compile(rf"(?:(?:0[xX]|\\x)?{_PAIR})+|(?:0[xX])?[0-9A-Fa-f]")
# The usual line, in a third of the time: more than half of it is pairs with one mark between.
_USUAL = re.compile(rf"(?<![0-9A-Za-z\\])({_PAIR})([ :-])((?:{_PAIR}\2){{2,}}{_PAIR})\s*")
_USUAL_MAX = 400  # characters; the search takes the square of them
_SEPARATOR = re.compile(r"[\s,;:\-]+")
_RECEIVED = re.compile(r"\bRX?D?\b|<<|<-|\brecv|\bread\b|\breceive", re.IGNORECASE)
_SENT = re.compile(r"\bTXD?\b|>>>|\bsent\b|\bsend|\bwrit", re.IGNORECASE)
_LETTER = re.compile("[A-Za-z]")

BINARY = "binary"
METER_TEXT = "a meter's own text"
PASTED = "a meter's own text, pasted"
PASTED_TIC = "groups of a TIC frame, pasted"
PURE = "hex digits"
LOG = "lines with bytes in hexadecimal"
BASE64 = "base64"
DECIMALS = "a list of decimal numbers"
PLAIN = "text in which no bytes in hexadecimal were found, taken as it is"


class Capture:
    """The bytes of a stream, by iterating once; afterwards, what was left out.

    form: what it is, in words. bytes: their number. lines_without: lines without bytes. sent: lines
    with bytes that were sent to the meter, according to the log.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._first = stream.read(PIECE)
        self.bytes = self.lines_without = self.sent = 0
        self._offset = 0  # of a dump: where the next row is to begin
        self._row = b""
        self._repeats = False
        self._number = 0
        self._decoder = codecs.getincrementaldecoder(_encoding(self._first))(errors="replace")
        self.form = self._find_form()

    def __iter__(self) -> Iterator[bytes]:
        for data in self._pieces():
            self.bytes += len(data)
            yield data

    def _find_form(self) -> str:
        if _encoding(self._first) != "utf-16" and _CONTROLS.search(self._first):
            return BINARY
        text = self._decoder.decode(self._first)
        if "\ufffd" in text or not text:
            return BINARY
        self._text = text
        lines = text.splitlines()
        head = next((line for line in lines if line.strip()), "")
        if _WORDS.fullmatch(head):
            raise SettingsError(
                "the capture is a dump of 16-bit words, whose bytes may be swapped;"
                " write it with hexdump -C or xxd"
            )
        if self._dump_row(head) is not None:
            return LOG
        stamp = _STAMP.match(head.strip())
        stamped = stamp is not None and stamp.end() < len(head.strip())
        if notations.of_decimals(text) is not None:
            return DECIMALS
        if _PURE.fullmatch(text) and text.strip() and not stamped:
            return PURE
        if pasted_tic.count(lines) > _SURE:
            return PASTED_TIC
        dumped = sum(1 for line in lines if len(_of_line(line)) >= _ROW_LEAST)
        if pasted_text.data_lines(list(printed_text.unfolded(lines))) > max(dumped, _SURE):
            return METER_TEXT if _is_read(text) else PASTED
        if _METER_TEXT.search(text):
            return METER_TEXT
        if any(_of_line(line) for line in lines):
            return LOG
        return BASE64 if notations.of_base64(text) is not None else PLAIN

    def _pieces(self) -> Iterator[bytes]:
        if self.form == LOG:
            yield from self._lines()
        elif self.form == PURE:
            yield from self._digits()
        elif self.form == PASTED:
            yield from pasted_text.telegrams(self._text_lines())
        elif self.form == PASTED_TIC:
            yield from pasted_tic.frames(self._text_lines())
        elif self.form in (BASE64, DECIMALS):
            yield self._whole()
        else:
            piece = self._first
            while piece:
                yield piece
                piece = self._stream.read(PIECE)

    def _texts(self) -> Iterator[str]:
        """The capture's text in pieces; the last one ends with a line end."""
        yield self._text
        while piece := self._stream.read(PIECE):
            yield self._decoder.decode(piece)
        yield self._decoder.decode(b"", True) + "\n"

    def _text_lines(self) -> Iterator[str]:
        rest = ""
        for text in self._texts():
            *lines, rest = (rest + text).split("\n")
            self._check_line(rest, lines)
            yield from lines

    def _whole(self) -> bytes:
        """For text that is examined as a whole."""
        text = "".join(chain.from_iterable(self._texts()))
        decode = notations.of_base64 if self.form == BASE64 else notations.of_decimals
        data = decode(text)
        if data is None:
            raise SettingsError(
                f"the capture begins as {self.form} and continues as something else"
            )
        return data

    def _digits(self) -> Iterator[bytes]:
        """For hex digits only: bytes one by one, or digits that belong together."""
        # "0 1F" is two bytes where no group has more than two digits (a microcontroller's print)
        apart = all(len(word) <= 2 for word in re.split(r"(?i)0x|\\x|[\s:,;.-]+", self._text))
        rest = held = ""
        for text in self._texts():
            text = held + text
            held = text[-1] if text[-1:] in ("0", "\\") else ""  # 0x and \x may be cut in two
            text = text[: len(text) - len(held)]
            if not _PURE.fullmatch(text):
                raise SettingsError(
                    "the capture begins as hex digits and continues as something else"
                )
            rest += text
            if apart:
                words = re.split(r"(?i)0x|\\x|[\s:,;.-]+", rest)
                rest = words.pop()
                if any(len(word) > 2 for word in words):
                    raise SettingsError("the capture has bytes of two hex digits, and longer words")
                yield bytes(int(word, 16) for word in words if word)
                continue
            digits = re.sub(r"(?i)0x(?=[0-9a-f])|\\x|[\s:,;.-]", "", rest)
            keep = len(digits) % 2
            yield bytes.fromhex(digits[: len(digits) - keep])
            rest = digits[len(digits) - keep :]
        if rest.strip():
            raise SettingsError("the capture has an odd number of hex digits; one is missing")

    def _lines(self) -> Iterator[bytes]:
        self._offset = 0
        self._row = b""
        rest = ""
        for text in self._texts():
            *lines, rest = (rest + text).split("\n")
            self._check_line(rest, lines)
            found = [self._line(line.rstrip("\r")) for line in lines]
            yield b"".join(chain.from_iterable(found))

    def _check_line(self, rest: str, before: list[str]) -> None:
        if len(rest) > _LINE_MAX:
            raise SettingsError(
                f"line {self._number + len(before) + 1} of the capture is over 1 MB"
            )

    def _line(self, line: str) -> tuple[bytes, ...]:
        self._number += 1
        if not line.strip():
            return ()
        line = _TERMINAL.sub("", line)
        if line.strip() == "*" and self._row:
            self._repeats = True
            return ()
        row = self._dump_row(line)
        if row is not None:
            return row
        data = _of_line(line)
        if data and _SENT.search(line) and not _RECEIVED.search(line):
            self.sent += 1
            return ()
        if not data:
            self.lines_without += 1
        return (data,)

    def _dump_row(self, line: str) -> tuple[bytes, ...] | None:
        """The bytes of a row of a hex dump, with the rows that "*" before it left out."""
        row = self._end_of_dump(line.strip()) or self._row_of(line)
        if row is None:
            return None
        offset, data = row
        missing = b""
        if self._repeats:
            self._repeats = False
            missing = self._missing(offset)
        self._row = data
        self._offset = offset + len(data)
        return (missing, data)

    def _end_of_dump(self, line: str) -> tuple[int, bytes] | None:
        """The offset alone at the end of a dump."""
        if not self._row or not re.fullmatch("[0-9A-Fa-f]{7,16}", line):
            return None
        offset = int(line, 16)
        return (offset, b"") if self._repeats or self._counts(line) else None

    def _row_of(self, line: str) -> tuple[int, bytes] | None:
        """(offset, bytes) of a row; the offset is -1 if unknown."""
        found = _OFFSET.fullmatch(line)
        if found and not self._repeats and self._counts(found[1]):
            return self._offset, _pairs(found[2] or found[3])
        sure = _XXD.fullmatch(line) or _HEXDUMP.fullmatch(line)
        if sure:
            return int(sure[1], 16), _pairs(sure[2])
        return (-1, b"") if found and self._repeats else None

    def _counts(self, digits: str) -> bool:
        """Whether an offset is what came before; od counts in octal by default."""
        octal = not re.search("[89A-Fa-f]", digits) and int(digits, 8) == self._offset
        return octal or int(digits, 16) == self._offset

    def _missing(self, offset: int) -> bytes:
        """The meaning of "*" before a row at offset; -1 if the offset is unknown."""
        count = offset - self._offset
        if not 0 <= count <= _REPEAT_MAX or count % (len(self._row) or 1):
            raise SettingsError(
                f"line {self._number} of the capture: rows were left out before it (*);"
                " write it with hexdump -Cv"
            )
        return self._row * (count // (len(self._row) or 1))


def _encoding(first: bytes) -> str:
    """UTF-16 if a byte order mark says it (PowerShell's > writes it); otherwise UTF-8."""
    if first[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        return "utf-16"
    return "utf-8-sig" if first[:3] == codecs.BOM_UTF8 else "utf-8"


def _is_read(text: str) -> bool:
    """Whether a text is a meter's own text."""
    receiver = Receiver()
    found = receiver.feed(text.encode("ascii", "replace")) + receiver.flush()
    return any(isinstance(event, Reading) or event.kind == "key" for event in found)


def _pairs(digits: str) -> bytes:
    return bytes.fromhex(re.sub("[ -]", "", digits))


def _of_line(line: str) -> bytes:
    """The bytes of a line of a log: its longest run of hex bytes, b"" if it has none."""
    if "b'" in line or 'b"' in line:
        data = notations.of_literals(line)
        if data:
            return data
    text = _STAMP.sub(" | ", line, count=2)
    usual = _USUAL.search(text) if len(text) <= _USUAL_MAX else None
    if usual and usual.end() == len(text) and len(usual[3]) > len(text) // 2:
        return bytes.fromhex(usual[1] + usual[3].replace(usual[2], ""))
    if "." in text:
        text = notations.without_dots(text)
    if "h" in text or "H" in text:
        text = notations.without_suffixes(text)
    best: list[str] = []
    run: list[str] = []
    for word in _WORD.findall(text):
        if _BYTES.fullmatch(word):
            run.append(word)
            continue
        if not _SEPARATOR.fullmatch(word):
            best = _longer(best, run)
            run = []
    best = _longer(best, run)
    data = b"".join(bytes.fromhex(word if len(word) > 1 else "0" + word) for word in best)
    number = len(best) == 1 and best[0].isdecimal() and len(data) <= 3
    few = len(best) < 4 and any(len(word) == 1 for word in best)
    if (
        (len(data) == 1 or number or few)
        and _LETTER.search(_rest(text, best))
        and not _RECEIVED.search(line)
    ):
        return b""  # "telegrams: 10", "length = 4952"
    return data


def _longer(best: list[str], run: list[str]) -> list[str]:
    """The run of words, as hex digits without 0x and \\x, unless it is shorter than the best."""
    words = [re.sub(r"0[xX](?=[0-9A-Fa-f])|\\x", "", word) for word in run]
    single = any(len(word) == 1 for word in words)
    if single and (len(words) < 2 or any(len(word) > 2 for word in words)):
        words = [word for word in words if len(word) > 1]
    size = sum(len(word) + 1 >> 1 for word in words)
    return words if size and size >= sum(len(word) + 1 >> 1 for word in best) else best


def _rest(text: str, words: list[str]) -> str:
    for word in words:
        text = text.replace(word, " ", 1)
    return text
