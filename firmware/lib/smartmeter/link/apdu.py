"""APDUs without a link layer: some readers and converters give them bare.

    DB or DF | length title | title | length | ...       its length says where it ends
    0F | ...                                             its values have to be walked
    02 nn ...                                            a list of values (detection.is_list)
    E6 E7 00 and one of these                            what HDLC framing leaves

Only their own form guards them (and a tag). So they are searched only at the start of a stream,
after another of them, and after a pause; an encrypted one with a tag also within noise (is_found).
The receiver ensures this.

If the link must be detected, one without a checked tag only counts if the line pauses after it, or
another begins there. Before a checksum it is the rest of a damaged frame.
"""

from ..fault import LENGTH, Fault
from .detection import is_list

TYPE_CHECKING = False  # what follows is for mypy; a device has no typing
if TYPE_CHECKING:
    Outcome = Fault | tuple[str, bytes] | None

_MAX = 2304
_GLO = (0xDB, 0xDF)
_NOTIFICATION = 0x0F
_LLC = 0xE6
_HEAD = 9  # bytes by which an APDU, with the LLC before it, is known for one
_IDLE = (0x00, 0xFF)  # what a driver may leave on an RS-485 line as it lets go of it
_IDLE_MAX = 3
_AUTHENTICATED = 0x10  # of the security control

# Sizes of A-XDR values behind the tag; strings and lists apart (Green Book 4.1.5).
_SIZES = {0x00: 0, 0x03: 1, 0x05: 4, 0x06: 4, 0x0D: 1, 0x0F: 1, 0x10: 2, 0x11: 1, 0x12: 2,
          0x14: 8, 0x15: 8, 0x16: 1, 0x17: 4, 0x18: 8, 0x19: 12, 0x1A: 5, 0x1B: 4}  # fmt: skip
_LISTS = (0x01, 0x02)
_BIT_STRING = 0x04
_COUNTED = (0x09, 0x0A, 0x0C, 0x01, 0x02, 0x04)  # strings and lists: a length stands behind the tag
_DESCRIPTOR = 9  # class, code and attribute as they are: Czech RS485 lists


class Apdu:
    """A link (see receiver.py) for one line."""

    MAX = _MAX

    def __init__(self, alone: bool, checks_tags: bool) -> None:
        self._alone = alone  # the line is known to have no framing
        self._checks_tags = checks_tags  # the receiver has the authentication key

    def scan(self, buf: bytearray, at: int, end: int) -> "tuple[int, Outcome]":
        return self._scan(buf, at, end, False)

    def final(self, buf: bytearray, at: int, end: int) -> "tuple[int, Outcome]":
        """The result of scan at a pause of the line."""
        return self._scan(buf, at, end, True)

    def _scan(self, buf: bytearray, at: int, end: int, last: bool) -> "tuple[int, Outcome]":
        try:
            begin, stop = self._framed(buf, at, end)
        except ValueError:
            return -1, None
        if stop is None or stop > end:
            if end - at >= _MAX or (stop or 0) - at > _MAX:
                return -1, None
            return 0, None
        apdu = bytes(buf[begin:stop])
        if not (self._alone or (self._checks_tags and _is_tagged(apdu))):
            most = stop + _IDLE_MAX
            while stop < end and stop < most and buf[stop] in _IDLE:
                stop += 1
            follows = None if stop == end else self._follows(buf, stop, end)
            if follows is None and not last:
                return 0, None
            if stop < end and not follows:
                return 1, Fault(
                    LENGTH, "an APDU without framing ends, but the line goes on", stop - at
                )
        return stop - at, ("apdu", apdu)

    def _framed(self, buf: bytearray, at: int, end: int) -> tuple[int, int | None]:
        """(where the APDU at buf[at] begins, behind its LLC; what _end says of it)."""
        if buf[at] == _LLC:
            if bytes(buf[at : min(at + 3, end)]) != b"\xe6\xe7\x00"[: end - at]:
                raise ValueError
            at += 3
            if at >= end:
                return at, None
        return at, self.end_of(buf, at, end)

    def _follows(self, buf: bytearray, at: int, end: int) -> bool | None:
        """Whether another APDU begins at buf[at]; None while that is open."""
        try:
            stop = self._framed(buf, at, end)[1]
        except ValueError:
            return False
        return True if stop is not None or end - at >= _HEAD else None

    def end_of(self, buf: bytearray, at: int, end: int) -> int | None:
        """The end of the APDU at buf[at]; None while that is open; ValueError if it is not one."""
        first = buf[at]
        if first in _GLO:
            return _ciphered(buf, at, end)
        if first == _NOTIFICATION:
            if end - at < 6:
                return None
            at += 5
            kind = buf[at]
            at += 1
            if kind == 0x09:
                if at >= end:
                    return None
                kind = 0x0C if buf[at] == 0x0C else -1
                at += 1
            if kind in (0x0C, 0x19):
                at += 12
            elif kind:
                raise ValueError
            if at >= end:
                return None
            if buf[at] not in _LISTS:
                raise ValueError
        elif first == 0x02:
            found = is_list(buf, at, end)
            if found < 0:
                raise ValueError
            if not found:
                return None
        else:
            raise ValueError
        return _walk(buf, at, end)

    def idle(self) -> "Fault | None":
        return None


def _is_tagged(apdu: bytes) -> bool:
    """Whether an encrypted APDU has a tag, according to its header."""
    if apdu[0] not in _GLO:
        return False
    found = _length(apdu, 2 + apdu[1], len(apdu))
    return found is not None and apdu[found[1]] & _AUTHENTICATED != 0


def is_found(buf: bytearray, at: int, end: int, before: int) -> bool:
    """Whether the DB at buf[at], in noise, may begin an encrypted P1 telegram.

    Behind its title (detection.is_title) come a length and a security control with tag. before is
    the three bytes skipped last: behind the LLC of HDLC or the transport addresses of M-Bus it
    belongs to a frame whose begin is damaged, and whose sum was not checked.
    """
    if before == 0xE6E700 or before & 0xFFFF == 0x0167:
        return False
    try:
        found = _length(buf, at + 10, end)
    except ValueError:
        return False
    return found is None or found[1] >= end or buf[found[1]] & 0xF0 == 0x30


def _length(buf: bytes | bytearray, at: int, end: int) -> tuple[int, int] | None:
    """(length, where its content begins) of a BER length, or None while it is open."""
    if at >= end:
        return None
    size = buf[at]
    if size < 0x80:
        return size, at + 1
    n = size & 0x7F
    if not 1 <= n <= 4:
        raise ValueError
    if at + 1 + n > end:
        return None
    return int.from_bytes(buf[at + 1 : at + 1 + n], "big"), at + 1 + n


def _ciphered(buf: bytearray, at: int, end: int) -> int | None:
    if end - at < 2:
        return None
    if buf[at + 1] not in (0, 8):
        raise ValueError
    found = _length(buf, at + 2 + buf[at + 1], end)
    if found is None:
        return None
    size, at = found
    if not 5 <= size <= _MAX:
        raise ValueError
    return at + size


def _walk(buf: bytearray, at: int, end: int) -> int | None:
    """The end of the element at buf[at]; None while that is open."""
    if buf[at : at + 3] == b"\x02\x02\x16":
        if end - at < 6:
            return None
        if buf[at + 4] == 0x01:
            return _walk_descriptors(buf, at + 5, end)
    return _element(buf, at, end)


def _walk_descriptors(buf: bytearray, at: int, end: int) -> int | None:
    found = _length(buf, at, end)
    if found is None:
        return None
    count, at = found
    while count:
        count -= 1
        at += 2 + _DESCRIPTOR
        if at >= end:
            return None
        if buf[at - 11] != 2 or buf[at - 10] != 2 or count > _MAX:
            raise ValueError
        stop = _element(buf, at, end)
        if stop is None:
            return None
        at = stop
    return at


def _element(buf: bytearray, at: int, end: int) -> int | None:
    sizes = _SIZES
    left = 1
    while left:
        left -= 1
        if at >= end:
            return None
        tag = buf[at]
        at += 1
        size = sizes.get(tag)
        if size is not None:
            at += size
            continue
        if tag not in _COUNTED:
            raise ValueError
        size = buf[at] if at < end else 0x80
        if size < 0x80:
            at += 1
        else:
            found = _length(buf, at, end)
            if found is None:
                return None
            size, at = found
        if tag in _LISTS:
            left += size
            if left > _MAX:
                raise ValueError
        else:
            at += size + 7 >> 3 if tag == _BIT_STRING else size
    return at
