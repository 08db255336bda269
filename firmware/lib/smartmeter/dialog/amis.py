"""AMIS (Siemens TD-351x, Netz OOe): the answers for its optical port. No clock, no port.

The meter is the M-Bus master, and we are its slave with address 240 (interface description of Netz
OOe, 2.4.1). Every minute it sends SND_NKE 10 40 F0 30 16. Once that is acknowledged it sends data
each second. After ten unanswered telegrams it looks for a slave again. The answer is E5, within
0.5 s, and nothing else may be sent. An optical head hears its own E5; that is not a frame.

All that has to be answered drives alike, here and in signon.py:

    setting                  (baud, bits, parity "N" or "E", stop bits): what to open the port with
    received(data, now_ms)   takes what the port gave (b"" too); the bytes to send at once, or b""
    due(now_ms)              (bytes to send, baud to set or None): what the time is for; send
                             first. To be called every 50 ms or sooner
    state                    what it is waiting for, in words

now_ms is as in ticks.py. The Receiver gets the same bytes: what they mean is its business.
"""

from .elapsed import elapsed

_ACKNOWLEDGE = b"\xe5"
_ADDRESS = 240
_NKE = 0x40
_DATA = (0x53, 0x73)  # SND_UD; the frame count bit toggles
_SHORT = 0x10
_LONG = 0x68
_STOP = 0x16
_PAUSE_MS = 500  # inside of a frame, there is none as long; it is the meter's own limit, too


class Amis:
    """The slave of one meter."""

    setting = (9600, 8, "E", 1)

    def __init__(self) -> None:
        self.state = "waits to be found by the meter"
        self._buf = b""
        self._at_ms = 0

    def received(self, data: bytes, now_ms: int) -> bytes:
        if not data:
            return b""
        if elapsed(now_ms, self._at_ms) > _PAUSE_MS:
            self._buf = b""
        self._at_ms = now_ms
        buf = self._buf + bytes(data)
        answer = b""
        at = 0
        while at < len(buf):
            size = _frame(buf, at)
            if size == 0:
                break
            if size > 0:
                answer = self._answer(buf, at) or answer
            at += size if size > 0 else 1
        self._buf = buf[at:]
        return answer

    def due(self, now_ms: int) -> "tuple[bytes, int | None]":
        return b"", None

    def _answer(self, buf: bytes, at: int) -> bytes:
        if buf[at] == _SHORT:
            if buf[at + 1] != _NKE or buf[at + 2] != _ADDRESS:
                return b""
            self.state = "found by the meter, waits for data"
            return _ACKNOWLEDGE
        if buf[at + 4] not in _DATA or buf[at + 5] != _ADDRESS:
            return b""
        self.state = "gets data"
        return _ACKNOWLEDGE


def _frame(buf: bytes, at: int) -> int:
    """The size of the M-Bus frame at buf[at], 0 if it has not arrived, -1 if there is none."""
    have = len(buf) - at
    if buf[at] == _SHORT:
        if have < 5:
            return 0
        whole = (buf[at + 1] + buf[at + 2]) & 0xFF == buf[at + 3] and buf[at + 4] == _STOP
        return 5 if whole else -1
    if buf[at] != _LONG:
        return -1
    if have < 4:
        return 0
    size = buf[at + 1]
    if buf[at + 2] != size or buf[at + 3] != _LONG or size < 3:
        return -1
    if have < size + 6:
        return 0
    stop = at + 4 + size
    whole = sum(buf[at + 4 : stop]) & 0xFF == buf[stop] and buf[stop + 1] == _STOP
    return size + 6 if whole else -1
