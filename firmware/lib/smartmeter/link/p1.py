"""DSMR P1 and similar (DSMR 5.0.2 P1, 6.2): text from "/" to "!", then a CRC or none.

    /XXX5 identification CR LF | CR LF | data lines | !CRC CR LF

The CRC-16/ARC counts from "/" to "!" and is written in hexadecimal, by some meters without leading
zeros. Holley's write the CRC of HDLC; DSMR 2 and 3 have none. Some readers forward LF only. The sum
then counts the text with CR LF, as the meter sent it. In Poland the data lines are one encrypted
block after the identification: general-glo-ciphering without its tag, with a system title of
length 0.
"""

from ..checks.crc import arc, x25
from ..fault import CHECKSUM, LENGTH, Fault

TYPE_CHECKING = False  # what follows is for mypy; a device has no typing
if TYPE_CHECKING:
    Outcome = Fault | tuple[str, bytes] | tuple[str, bytes, str] | None

_STX = b"\x02"
_ACK = 0x06
_ECHO_MAX = 64
_LF = 0x0A
_LINE_ENDS = b"\r\n"
_BEFORE_END = b"\n)\r"
_ENDINGS = (b"\n!", b")!", b"\r!")  # "!" is a line of its own or (IEC 62056-21) ends the last
_IDENTIFICATION_MAX = 80
_HEXADECIMAL = b"0123456789ABCDEFabcdef"
_VERSION = b"-3:0.2.8("  # of DSMR; behind it
_WITH_CRC = b"45"
_CIPHERED_MAX = 2048
_LOST_MOST = 8  # so many without a CRC in a row are another meter's
_MAKER = 5  # bytes: / and three letters and the baud rate, the same in all of a meter's telegrams
_TRAILER = _HEXADECIMAL + b"!\r\n"  # behind it some send "!CRC" of the text, unencrypted
_CONTROLS = (0x20, 0x21, 0x30, 0x31)  # security control bytes of encrypted telegrams


class P1:
    """A link (see receiver.py): its telegrams are ("text", ...) where a CRC agreed,
    ("text-unchecked", ...) if there is none, ("apdu", ...) of the Polish form."""

    MAX = 3900  # 4 kB less what the links keep of headers

    def __init__(self) -> None:
        # above 0: this meter's telegrams have a CRC, and one without has lost it
        self._checked = 0
        self._head = b"\n"  # the last identification found, which a meter's telegrams share
        self._maker = b""  # how the last encrypted telegram began

    def scan(self, buf: bytearray, at: int, end: int) -> "tuple[int, Outcome]":
        return self._scan(buf, at, end, False)

    def final(self, buf: bytearray, at: int, end: int) -> "tuple[int, Outcome]":
        """The result of scan at the end of the input: "!" may be its last byte."""
        return self._scan(buf, at, end, True)

    def _scan(self, buf: bytearray, at: int, end: int, last: bool) -> "tuple[int, Outcome]":
        first = at + len(self._head)
        if first >= end or buf[at:first] != self._head or buf[first] in _LINE_ENDS:
            first = identified(buf, at, end)
            if first > 0:
                self._head = bytes(buf[at:first])
        if last and not first and buf[end - 1] == _LF:
            return end - at, None  # an identification alone: the answer to a sign-on
        if first <= 0:
            return first, None
        if buf[first] == 0:
            return self._ciphered(buf, at, first, end, last)
        if buf.find(_STX, first, min(end, first + _ECHO_MAX)) >= 0 or buf[first] == _ACK:
            return -1, None  # a readout of IEC 62056-21
        stop = ending(buf, first, end)
        if stop < 0:
            if end - at >= self.MAX:
                return 1, Fault(LENGTH, "a P1 telegram over %d bytes" % self.MAX, end - at)
            return 0, None
        return self._close(buf, at, stop, end, last)

    def _close(
        self, buf: bytearray, at: int, stop: int, end: int, last: bool
    ) -> "tuple[int, Outcome]":
        """The telegram whose "!" is at stop, and the line's end after its CRC if there is one."""
        tail = bytes(buf[stop + 1 : min(stop + 7, end)])
        digits = 0
        while digits < 4 and digits < len(tail) and tail[digits] in _HEXADECIMAL:
            digits += 1
        used = stop + 1 + digits - at
        behind = tail[digits : digits + 2]
        if behind == b"\r\n" or behind[:1] == b"\n":
            used += 2 if behind[0] == 13 else 1
        elif not last and behind in (b"", b"\r"):
            return 0, None
        elif digits < 4 and behind not in (b"", b"\r") and behind[:1] != b"/":  # the next one's
            return 1, Fault(CHECKSUM, "a P1 telegram's CRC is not hexadecimal", used + 6)
        if not digits:
            return self._unchecked(buf, at, stop, used, behind)
        told = int(str(tail[:digits], "ascii"), 16)
        if not _agrees(told, buf, at, stop + 1):
            return 1, Fault(CHECKSUM, "the CRC of a P1 telegram does not agree", used)
        self._checked = _LOST_MOST
        return used, ("text", bytes(memoryview(buf)[at:stop]))

    def _unchecked(
        self, buf: bytearray, at: int, stop: int, used: int, behind: bytes
    ) -> "tuple[int, Outcome]":
        """A telegram without CRC: of DSMR 2 and 3, and of meters that never had one."""
        inner = _inner(buf, at, stop) if buf.find(b"/", at + 1, stop) >= 0 else 0
        if inner:
            return inner - at, Fault(LENGTH, "a P1 telegram was cut short by the next one")
        lost = self._checked or (behind[:1] == b"\n" and buf.find(b"\r", at, stop) >= 0)
        version = buf.find(_VERSION, at, stop)
        if lost or (version >= 0 and buf[version + len(_VERSION)] in _WITH_CRC):
            self._checked -= self._checked > 0
            return 1, Fault(CHECKSUM, "a P1 telegram has lost its CRC", used)
        return used, ("text-unchecked", bytes(memoryview(buf)[at:stop]))

    def _ciphered(
        self, buf: bytearray, at: int, first: int, end: int, last: bool
    ) -> "tuple[int, Outcome]":
        """The Polish telegram with its identification at `at` and its block at `first`."""
        if end - first < 5:
            return 0, None
        size = buf[first + 1]
        start = first + 2
        if size == 0x82:
            size = buf[start] << 8 | buf[start + 1]
            start += 2
        elif size == 0x81:
            size = buf[start]
            start += 1
        elif size & 0x80:
            return -1, None
        if not 5 <= size <= _CIPHERED_MAX or buf[start] not in _CONTROLS:
            return -1, None
        stop = start + size
        maker = bytes(buf[at : at + _MAKER])
        begins = (maker, self._maker or maker)  # this one's may be what was damaged
        inner = [i for i in [buf.find(m, start, min(stop, end)) for m in begins] if i >= 0]
        if inner:
            return min(inner) - at, Fault(LENGTH, "a P1 telegram was cut short by the next one")
        if stop > end or (stop == end and not last):
            return 0, None
        if stop < end and buf[stop] not in b"!\r\n/":
            return 1, Fault(
                LENGTH, "an encrypted P1 telegram does not end where it says", stop - at
            )
        ident = str(bytes([c if c < 128 else 63 for c in buf[at + 1 : first]]), "ascii").strip()
        apdu = b"\xdb" + bytes(buf[first:stop])
        while stop < end and buf[stop] in _TRAILER:
            stop += 1
            if buf[stop - 1] == _LF:
                break
        else:
            if stop == end and not last:
                return 0, None
        self._maker = maker
        return stop - at, ("apdu", apdu, ident)

    def idle(self) -> Fault | None:
        return None


def identified(buf: bytearray, at: int, end: int) -> int:
    """The first byte after an identification line and a blank one.

    0 if that has not arrived, -1 if this is not an identification line.
    """
    for i in range(at + 1, min(at + 4, end)):
        if not 65 <= buf[i] & 0xDF <= 90:  # three letters of the maker
            return -1
    stop = buf.find(b"\n", at, min(end, at + _IDENTIFICATION_MAX))
    if stop < 0:
        return 0 if end - at < _IDENTIFICATION_MAX else -1
    if stop - at < 4:
        return -1
    while stop < end and buf[stop] in _LINE_ENDS:
        stop += 1
        if stop - at > _IDENTIFICATION_MAX:
            return -1
    return stop if stop < end else 0


def block_behind(buf: bytearray, at: int, end: int) -> int:
    """The place of a readout's STX, at or soon after buf[at]; 0 if open, -1 if none.

    An optical head may echo our own acknowledgement before it, perhaps at another rate.
    """
    stx = buf.find(_STX, at, min(end, at + _ECHO_MAX))
    if stx >= 0:
        return stx
    return 0 if end - at < _ECHO_MAX else -1


def ending(buf: bytearray, at: int, end: int) -> int:
    """The "!" that ends the text in buf[at:end], -1 if there is none; one in a text is skipped."""
    stop = buf.find(b"!", at, end)
    if stop < 0 or buf[stop - 1] in _BEFORE_END:
        return stop
    first = -1
    for mark in _ENDINGS:
        stop = buf.find(mark, at, end if first < 0 else first)
        if stop >= 0:
            first = stop + 1
    return first


def _agrees(told: int, buf: bytearray, at: int, end: int) -> bool:
    """Whether this is the sum of buf[at:end].

    A single LF counts as CR LF, for readers that remove the CR.
    """
    if told == arc(buf, at, end):
        return True
    if buf.find(b"\r", at, end) < 0:
        buf = bytearray(bytes(buf[at:end]).replace(b"\n", b"\r\n"))
        at, end = 0, len(buf)
        if told == arc(buf, at, end):
            return True
    return told == x25(buf, at, end)


def _inner(buf: bytearray, at: int, stop: int) -> int:
    """The start of another telegram inside one without CRC, 0 if there is none."""
    start = buf.find(b"/", at + 1, stop)
    while start >= 0:
        if identified(buf, start, stop) > 0 and 48 <= buf[start + 4] <= 57:
            return start
        start = buf.find(b"/", start + 1, stop)
    return 0
