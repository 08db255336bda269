"""Opens a text file of unknown encoding, with bounds."""

from collections.abc import Iterator
from pathlib import Path

from smartmeter_cloud.imports.points import Unreadable

LINE_MAX = 65_536  # letters
_HEAD = 65_536  # bytes that the encoding is recognised by


def lines(path: Path) -> Iterator[str]:
    """The lines without their ends. Unreadable."""
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD)
        with path.open(encoding=_encoding(head), newline="", errors="replace") as file:
            while line := file.readline(LINE_MAX):
                if len(line) == LINE_MAX:
                    raise Unreadable(f"{path} has a line of more than {LINE_MAX} letters")
                yield line.rstrip("\r\n")
    except OSError as e:
        raise Unreadable(f"{path} cannot be read: {e.strerror}") from None


def _encoding(head: bytes) -> str:
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    try:
        head[: head.rfind(b"\n") + 1].decode("utf-8")
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8-sig"
