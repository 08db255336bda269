"""Readouts of IEC 62056-21 (mode A to D): data lines, framed by STX and ETX or by nothing.

    /XXXZ identification CR LF | STX data lines ! CR LF ETX BCC

BCC is the sum without carries (XOR) of everything after STX, with ETX (6.3.9, and ISO 1155); of
seven bits if the line has parity. The identification may be missing: it is the answer to the
sign-on, and a reader may keep it. Some readers forward only the data lines. Such a block must begin
with the first set of every readout, an error or identity code.
"""

from ..fault import CHECKSUM, LENGTH, Fault
from .p1 import block_behind, ending, identified

TYPE_CHECKING = False  # what follows is for mypy; a device has no typing
if TYPE_CHECKING:
    Outcome = Fault | tuple[str, bytes] | tuple[str, bytes, str] | None

_STX = 0x02
_ETX = b"\x03"
_CONTROLS = b"\x00\x01\t\n\r"  # that a text may hold; some meters fill up with 00
_SIGN_ON = b"/?"
_SIGN_ON_MAX = 40
_FIRST_CODES = (b"0.0.0(", b"0.0(", b"F.F(", b"F.F.0(", b"1-1:F.F(", b"C.1.0(", b"0-0:C.1.0(",
                b"C.1.0*255(", b"1-0:0.0.0(", b"1-0:0.0.0*255(", b"1-0:96.1.0*255(")  # fmt: skip
_FIRST_CODE_MAX = 20
# In programming mode SOH and P0 (the meter's prompt) or R2 (our request) stand before STX, and
# the BCC counts them, too (6.3.10).
_MESSAGE = 0x52 ^ 0x32
_MESSAGE_MAX = 40
_BEGIN = 5  # bytes by which a readout's begin is known again: STX and its first code


class Iec62056:
    """A link (see receiver.py): its telegrams are ("text-unchecked", ...), with a BCC or without.

    A sum of 7 bits is too weak to rely on.
    """

    MAX = 3900  # 4 kB less what the links keep of headers

    def scan(self, buf: bytearray, at: int, end: int) -> "tuple[int, Outcome]":
        return self._scan(buf, at, end, False)

    def final(self, buf: bytearray, at: int, end: int) -> "tuple[int, Outcome]":
        """The result of scan at the end of the input."""
        return self._scan(buf, at, end, True)

    def _scan(self, buf: bytearray, at: int, end: int, last: bool) -> "tuple[int, Outcome]":
        if buf[at] == _STX:
            return self._block(buf, at, at, end)
        if buf[at] != 0x2F:
            return self._bare(buf, at, end, last)
        if end - at < 2:
            return 0, None
        if buf[at + 1] == _SIGN_ON[1]:
            return _echo(buf, at, end)
        first = identified(buf, at, end)
        if first <= 0:
            return first, None
        if buf[first] != _STX:
            first = block_behind(buf, first, end)
            if first <= 0:
                return first, None
        return self._block(buf, at, first, end)

    def _block(self, buf: bytearray, at: int, stx: int, end: int) -> "tuple[int, Outcome]":
        etx = buf.find(_ETX, stx, end)
        if 0 < etx - stx <= _MESSAGE_MAX and etx + 1 < end:
            told = _MESSAGE
            for b in buf[stx : etx + 2]:
                told ^= b
            if not told & 0x7F and _is_text(buf, stx + 1, etx):  # of programming mode
                return etx + 2 - at, None
        head = min(stx + _FIRST_CODE_MAX, end if etx < 0 else etx)
        if at == stx and not _is_text(buf, stx + 1, head):
            return -1, None
        opening = buf.find(b"(", stx, head)
        if at == stx:
            for b in buf[stx + 1 : max(stx + 1, opening)]:
                if b < 32 and b != 10 and b != 13:
                    return -1, None  # as at the first readout of a line (detection.py)
        if opening < 0 and (etx >= 0 or end - stx >= _FIRST_CODE_MAX):
            return -1, None
        if b" " in bytes(buf[stx + 1 : max(stx + 1, opening)]).strip():
            return -1, None  # a damaged TIC frame, whose groups may have a bracket as well
        if etx < 0 or etx + 1 == end:
            if end - at >= self.MAX:
                return 1, Fault(LENGTH, "a readout over %d bytes" % self.MAX, end - at)
            return 0, None
        used = etx + 2 - at
        bcc = buf[etx + 1]
        eighth = 0  # bit 7 of any byte: BCC must be right in eight bits where there is one
        for b in buf[stx + 1 : etx + 1]:
            bcc ^= b
            eighth |= b
        if bcc & (0xFF if eighth & 0x80 else 0x7F):
            return 1, Fault(CHECKSUM, "the BCC of a readout does not agree", used)
        for b in buf[stx + 1 : etx]:
            if b & 0x7F < 32 and b & 0x7F not in _CONTROLS:
                return -1, None  # binary, whose 7 bits of sum agree by chance
        inner = buf.find(bytes(buf[stx : stx + _BEGIN]), stx + 1, etx)
        if inner >= 0:
            return inner - at, Fault(LENGTH, "a readout was cut short by the next one")
        head = buf.find(b"\n", at, stx) + 1 or at  # an echo behind it is none of the meter's
        text = bytes(buf[at:head]) + bytes(buf[stx + 1 : etx])
        stop = text.rfind(b"!")
        return used, ("text-unchecked", text[:stop] if stop >= 0 else text)

    def _bare(self, buf: bytearray, at: int, end: int, last: bool) -> "tuple[int, Outcome]":
        head = bytes(buf[at : min(at + _FIRST_CODE_MAX, end)])
        if not any([head.startswith(c) for c in _FIRST_CODES]):
            waits = not last and any([c.startswith(head) for c in _FIRST_CODES])
            return (0 if waits else -1), None
        stop = ending(buf, at, end)
        if stop < 0:
            return (-1 if last or end - at >= self.MAX else 0), None
        behind = bytes(buf[stop + 1 : min(stop + 4, end)])
        if len(behind) < 3 and not last:  # a BCC or CRC behind it is one of a text cut off
            return 0, None
        more = any([c.startswith(behind) for c in _FIRST_CODES])  # another right behind it
        if (behind.strip() and not more) or behind[-1:] == _ETX:
            return -1, None
        return stop + 1 - at, ("text-unchecked", bytes(buf[at:stop]))

    def idle(self) -> Fault | None:
        return None


def _is_text(buf: bytearray, start: int, stop: int) -> bool:
    """Whether these bytes are not binary.

    Otherwise the rest of a damaged telegram, with a bracket and 7 bits of sum by chance, would take
    the good telegram after it along.
    """
    for i in range(start, stop):
        b = buf[i]
        if b > 127 or (b < 32 and b not in _CONTROLS):
            return False
    return True


def _echo(buf: bytearray, at: int, end: int) -> "tuple[int, Outcome]":
    """Our own sign-on, as echoed by an optical head."""
    stop = buf.find(b"!\r\n", at, min(end, at + _SIGN_ON_MAX))
    if stop < 0:
        return (-1 if end - at >= _SIGN_ON_MAX else 0), None
    return stop + 3 - at, None
