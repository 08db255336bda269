"""Blanks strings, data lines (P1, IEC 62056-21) and groups (TIC)."""

import re

# Names of lists, not of meters: Kamstrup_V0001, AIDON_V0001, KFM_001.
_LIST_NAME = re.compile(rb"[A-Za-z]{3,9}_V?\d{1,5}")
# What a maker's letters stand behind: a digit or nothing, then three capitals (FLAG).
_MAKER = re.compile(rb"[0-9]?[A-Z]{3}")

# An id of DIN 43863-5: medium, maker, ten digits.
_NUMBER = re.compile(rb"[0-9][A-Z]{3}[0-9]{10}")

_IDENTIFICATION = re.compile(rb"/[A-Za-z]{3}")
_VALUE = re.compile(rb"\(([^()]*)\)")
# Values that tell nobody: a number with its unit or its point, a few digits, a time, a code.
_HARMLESS = re.compile(
    rb"-?[0-9.,]{1,20}\*[A-Za-z0-9/]{1,6}|-?\d{1,9}[.,]\d{1,9}|\d{0,4}|[A-Za-z]{1,5}\d?"
    rb"|\d\d(?:0\d|1[0-2])(?:[0-2]\d|3[01])(?:[0-5]\d){2,3}[SW]?"  # YYMMDDhhmm(ss)
    rb"|\d+-\d+:\d+\.\d+\.\d+"
)
# Codes of numbers that a meter, a device or a customer has, and of messages to a customer.
_IDS = re.compile(
    rb"(?:^|[:)\s])(?:0\.0(?:\.\d+)?|C\.1(?:\.\d+)?|96\.1\.\d+|42\.0\.0|96\.13\.\d+)(?![\d.])"
)
# Codes of the clock, whose forms differ: 240111093500W, 24-01-11 09:35:00, 211029.
_CLOCKS = re.compile(rb"(?:^|[:)\s])(?:1\.0\.0|0\.9\.[12])$")
_MOMENT = re.compile(rb"[0-9.:, -]{4,20}[A-Z]?")
# Codes of how often the power failed, and the voltage sagged or swelled (DSMR 5.0.2 P1, 6.12).
_COUNTS = re.compile(rb"(?:^|[:)\s])(?:96\.7\.\d+|[357]2\.3[26]\.0)$")
_COUNT = re.compile(rb"\d{1,5}")
# Groups of TIC with a number of the meter, of the site, or a message to the customer.
_GROUP = re.compile(rb"(?s)\n(ADCO|ADSC|PRM|MSG1|MSG2)([ \t])([^\n\r]*?)[ \t].\r")
_TELLS_NOBODY = 2  # characters: the number of a tariff


def names_meter(code: str) -> bool:
    """Whether a value of the code "A-B:C.D.E" identifies the meter's owner."""
    return _IDS.search(code.encode("ascii", "replace")) is not None


def blank_string(value: bytes) -> bytes:
    """A string without its number: digits as 0, letters as X, all else but . _ - and space as 0.

    The three letters of its maker and the names of lists stay.
    """
    if _LIST_NAME.fullmatch(value) or len(value) <= _TELLS_NOBODY:
        return value
    maker = _MAKER.match(value)
    keep = maker.end() if maker else 0
    out = bytearray(len(value))
    for at, byte in enumerate(value):
        if keep > at and 65 <= byte <= 90:
            out[at] = byte
        elif 65 <= byte <= 90 or 97 <= byte <= 122:
            out[at] = 0x58
        elif byte in b"._- /\\":
            out[at] = byte
        else:
            out[at] = 0x30 if 0x20 <= byte < 0x7F else 0
    return bytes(out)


def text(payload: bytes) -> bytes:
    """Data lines with identifications, numbers of meters and messages blanked."""
    return b"\n".join(_line(line) for line in payload.split(b"\n"))


def _line(line: bytes) -> bytes:
    if _IDENTIFICATION.match(line):
        return line[:5] + re.sub(rb"[0-9]", b"0", line[5:])

    def value(found: re.Match[bytes]) -> bytes:
        inner = found[1]
        code = line[: found.start()].rpartition(b")")[2]
        clock = _CLOCKS.search(code) and _MOMENT.fullmatch(inner)
        count = _COUNTS.search(code) and _COUNT.fullmatch(inner)
        harmless = clock or count or (not _IDS.search(code) and _HARMLESS.fullmatch(inner))
        return found[0] if harmless else b"(" + blank_hex(inner) + b")"

    return _VALUE.sub(value, line)


def blank_hex(inner: bytes) -> bytes:
    """A bracketed value with every letter and digit as 0: it may be text in hexadecimal.

    Of a number that is none, for its maker has other letters, those stay.
    """
    if _NUMBER.fullmatch(inner) and re.search(rb"[G-Z]", inner):
        return blank_string(inner)
    return re.sub(rb"[0-9A-Za-z\x80-\xff]", b"0", inner)


def groups(frame: bytes) -> bytes:
    """A TIC frame with its identifying groups blanked, and their checks corrected."""

    def group(found: re.Match[bytes]) -> bytes:
        label, separator, value = found.groups()
        content = label + separator + blank_hex(value)
        total = sum(content + separator if separator == b"\t" else content)
        return b"\n" + content + separator + bytes((0x20 + (total & 0x3F),)) + b"\r"

    return _GROUP.sub(group, frame)
