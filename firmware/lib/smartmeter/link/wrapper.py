"""The DLMS wrapper of TCP and UDP (IEC 62056-47), as converters put it on a line.

    00 01 | source wPort(2) | destination wPort(2) | length(2) | APDU

It has no checksum. So the ports must be small, and the length must be that of the APDU by its own
headers or values.
"""

from ..fault import LENGTH, Fault
from .apdu import Apdu

TYPE_CHECKING = False  # what follows is for mypy; a device has no typing
if TYPE_CHECKING:
    Outcome = Fault | tuple[str, bytes] | None

_HEAD = 8  # bytes
_TAGS = (0x0F, 0xDB, 0xDF)  # data-notification, general ciphering
_MOST = 2304
_PORTS = 6  # bytes of the version and the ports, which are the same in all of a meter's telegrams


class Wrapper:
    """A link (see receiver.py): its telegrams are ("apdu", ...)."""

    def __init__(self) -> None:
        self._apdus = Apdu(True, False)
        self._head = b""  # of the last telegram

    def scan(self, buf: bytearray, at: int, end: int) -> "tuple[int, Outcome]":
        return self._scan(buf, at, end, False)

    def _scan(self, buf: bytearray, at: int, end: int, last: bool) -> "tuple[int, Outcome]":
        start = at + _HEAD
        if bytes(buf[at : at + 3]) != b"\x00\x01\x00"[: end - at]:
            return -1, None
        if end <= start:
            return 0, None
        size = buf[at + 6] << 8 | buf[at + 7]
        if buf[at + 4] or size > _MOST or buf[start] not in _TAGS:
            return -1, None
        stop = start + size
        try:
            known = self._apdus.end_of(buf, start, end)
        except ValueError:
            known = -1
        if known is None or end < known <= stop:
            if end < stop:
                return 0, None
        elif known == stop:
            head = bytes(buf[at : at + _PORTS])
            for begin in (head, self._head or head):  # this one's may be what was damaged
                inner = _inner(buf, at, stop, end, begin)
                if inner > 0:
                    return inner - at, Fault(LENGTH, "a DLMS wrapper was cut short by the next one")
                if not inner and not last:
                    return 0, None
            self._head = head
            return stop - at, ("apdu", bytes(memoryview(buf)[start:stop]))
        return 1, Fault(LENGTH, "a DLMS wrapper of another length than its APDU", stop - at)

    def final(self, buf: bytearray, at: int, end: int) -> "tuple[int, Outcome]":
        """The result of scan at a pause, before which a few zeros are noise."""
        return self._scan(buf, at, end, True) if end - at > _HEAD else (-1, None)

    def idle(self) -> Fault | None:
        return None


def _inner(buf: bytearray, at: int, stop: int, end: int, head: bytes) -> int:
    """The place of another telegram's version and ports before stop: bytes were lost.

    -1 if there is none; 0 if their first bytes end this telegram, and the next have not arrived.
    """
    for start in range(stop - _PORTS + 1, stop):
        have = bytes(buf[start : min(start + _PORTS, end)])
        if head.startswith(have):
            return start if len(have) == _PORTS else 0
    return buf.find(head, at + 1, stop)
