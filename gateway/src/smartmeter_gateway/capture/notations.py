"""Bytes as programs print them: base64, decimal numbers, Python's b'...', ESPHome's dots."""

import ast
import binascii
import re

_BASE64 = re.compile(r"[A-Za-z0-9+/\s]{16,}={0,2}\s*")
_HEX = re.compile(r"[0-9A-Fa-f\s]*")
_DECIMAL = re.compile(r"(?:[^\d\n]{1,80}[:=])?[\s\[({]*(?:\d{1,3}[\s,;]+)*\d{1,3}[\s,;\])}]*")
_NUMBER_MAX = 255

# b'...' with what a backslash stands before
_ESCAPE = r"""\\(?:x[0-9A-Fa-f]{2}|[nrt\\'"])"""
_LITERAL = re.compile(rf"""\bb('(?:[^'\\]|{_ESCAPE})*'|"(?:[^"\\]|{_ESCAPE})*")""", re.ASCII)
_PAIR = "[0-9A-Fa-f]{2}"
# Five pairs and more: fewer may be an address. ESPHome tells how many there are behind them.
_DOTTED = re.compile(
    rf"(?<![0-9A-Za-z.])(?:(?:{_PAIR}\.){{4,}}{_PAIR}(?![0-9A-Za-z.])"
    rf"|{_PAIR}(?:\.{_PAIR})*(?=\s\(\d+\)))"
)
_SUFFIXED = re.compile(rf"(?<![0-9A-Za-z])({_PAIR})[hH](?![0-9A-Za-z])")


def of_base64(text: str) -> bytes | None:
    """The bytes of a text that is base64 and nothing else, None if it is not."""
    if not _BASE64.fullmatch(text) or _HEX.fullmatch(text):
        return None
    try:
        return binascii.a2b_base64("".join(text.split()), strict_mode=True)
    except binascii.Error:
        return None


def of_decimals(text: str) -> bytes | None:
    """The bytes of a list of decimal numbers, None if it is none or may be hexadecimal."""
    if not _DECIMAL.fullmatch(text):
        return None
    words = re.findall(r"\d+", text)
    whole = all(int(word) <= _NUMBER_MAX and str(int(word)) == word for word in words)
    if not whole or not any(len(word) == len(str(_NUMBER_MAX)) for word in words):
        return None
    return bytes(int(word) for word in words)


def of_literals(line: str) -> bytes:
    """The bytes of the b'...' in a line, b"" if there is none."""
    data = b""
    for found in _LITERAL.finditer(line):
        try:
            data += ast.literal_eval("b" + found[1])
        except (SyntaxError, ValueError):  # a letter beyond ASCII
            return b""
    return data


def without_dots(line: str) -> str:
    """The line with spaces for the dots between bytes."""
    return _DOTTED.sub(lambda found: found[0].replace(".", " "), line)


def without_suffixes(line: str) -> str:
    """The line with its bytes alone, where they are written as 1Bh."""
    return _SUFFIXED.sub(r"\1", line)
