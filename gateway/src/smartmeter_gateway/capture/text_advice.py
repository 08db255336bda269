"""What to try next if a meter's own text, as it was pasted, gave a fault instead of a reading."""

import re

from smartmeter import Fault

_FIRST_LINE = re.compile(rb"^/[A-Za-z]{3}", re.MULTILINE)
_NO_BACKSLASH = re.compile(rb"^/[A-Za-z]{3}[0-9][^\\\r\n]*\r?$", re.MULTILINE)
_LAST_LINE = re.compile(rb"(?:^|\))!", re.MULTILINE)


def of(fault: Fault, text: bytes) -> list[str]:
    """Sentences on what the paste has lost; none if nothing is known to be missing.

    text: the begin of what was read, with CR LF between the lines.
    """
    if fault.kind == "noise" and not _FIRST_LINE.search(text):
        return [
            "These are a meter's data lines, but the first line of the telegram is missing: it"
            " starts with / and the maker's three letters. Add it, or capture for longer."
        ]
    if fault.kind == "length" and not _LAST_LINE.search(text):
        return [
            "The last line of the telegram is missing: it starts with !, and in most P1"
            " telegrams four hex digits follow. Add it, or capture for longer."
        ]
    if fault.kind == "checksum":
        return _changed(text)
    return []


def _changed(text: bytes) -> list[str]:
    found = [
        "A paste may have changed the text: the CRC counts every character. Save the bytes to a"
        " file, or paste the text as code."
    ]
    if _NO_BACKSLASH.search(text):
        found.insert(
            0,
            "The first line has no backslash behind the maker's letters and the digit, and"
            " most meters send one there. Web pages drop it.",
        )
    return found
