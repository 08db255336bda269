"""SML transport protocol version 1 (BSI TR-03109-1, annex IV part b, and FNN's Lastenheft EDL).

1B1B1B1B 01010101 | messages | fill bytes 00 | 1B1B1B1B 1A ff CRC CRC, where ff counts the fill
bytes (0 to 3; a meter that says 4 is known) and the CRC covers all before it, low byte first.
Four bytes 1B within the messages are sent twice.
"""

from ..checks.crc import kermit, x25
from ..fault import CHECKSUM, LENGTH, Fault

TYPE_CHECKING = False  # what follows is for mypy; a device has no typing
if TYPE_CHECKING:
    Outcome = Fault | tuple[str, bytes] | tuple[str, bytes, str] | None

_ESCAPE = b"\x1b\x1b\x1b\x1b"
_START = _ESCAPE + b"\x01\x01\x01\x01"
_END = 0x1A


class Sml:
    MAX = 2304  # the longest telegram known has 700 bytes

    def scan(self, buf: bytearray, at: int, end: int) -> "tuple[int, Outcome]":
        n = end - at
        if n < 8:
            return (0, None) if _START.startswith(bytes(buf[at:end])) else (-1, None)
        if buf[at : at + 8] != _START:
            return -1, None
        stop = buf.find(_ESCAPE, at + 8, end)
        doubled = False
        while 0 <= stop <= end - 8:
            what = buf[stop + 4]
            if what == _END:
                return self._close(buf, at, stop, doubled)
            if what != 0x1B:
                if buf[stop : stop + 8] == _START:
                    return stop - at, Fault(LENGTH, "an SML telegram without an end")
                detail = "an SML telegram with an unknown escape sequence"
                return 1, Fault(LENGTH, detail, stop + 8 - at)
            if buf[stop + 4 : stop + 8] == _ESCAPE:
                doubled = True
                stop += 8
            else:
                stop += 1  # a byte 1B of the messages right before an escape sequence
            stop = buf.find(_ESCAPE, stop, end)
        if n >= self.MAX:
            return 1, Fault(LENGTH, "an SML telegram over %d bytes" % self.MAX, n)
        return 0, None

    def _close(self, buf: bytearray, at: int, stop: int, doubled: bool) -> "tuple[int, Outcome]":
        low, high = buf[stop + 6], buf[stop + 7]
        if low | high << 8 != x25(buf, at, stop + 6):
            # Holley DTZ541 and others send the sum without its inversions and high byte first.
            if low << 8 | high != kermit(buf, at, stop + 6):
                return 1, Fault(CHECKSUM, "the CRC of an SML telegram is wrong", stop + 8 - at)
        payload = bytes(buf[at + 8 : stop])  # fill bytes stay: 00 between messages says nothing
        if doubled:
            payload = payload.replace(_ESCAPE + _ESCAPE, _ESCAPE)
        return stop + 8 - at, ("sml", payload)

    def idle(self) -> Fault | None:
        return None
