"""HDLC frames of type 3 (IEC 62056-46): length driven, no byte stuffing.

    7E | A|S|length(11 bit) | destination | source | control | HCS | information | FCS | 7E

length counts all between the flags; S says that more segments follow. Addresses end with
the byte whose lowest bit is set. Both sums are CRC-16/X-25, and are always computed: 0000
is a sum like any other (seen, Iskraemeco AM550). A flag may end one frame and begin the
next. The LLC header E6 E7 00 stands before the first segment's data. A frame may hold several
APDUs, each behind such a header (Landis+Gyr E450, where it could not send in time).
"""

from ..checks.crc import x25
from ..fault import CHECKSUM, LENGTH, SEGMENT, Fault
from .assembly import APDU_MAX, BLOCK, Assembly

TYPE_CHECKING = False  # what follows is for mypy; a device has no typing
if TYPE_CHECKING:
    Outcome = Fault | tuple[str, bytes | bytearray] | None

_FLAG = 0x7E
_TYPE = 0xA0
_SEGMENTED = 0x08
_LLC = b"\xe6\xe7\x00"
_APDUS = (0x0F, 0xDB, 0xDF, BLOCK)  # data-notification, general ciphering, block transfer
_ADDRESS_MAX = 4
_HEADS_MAX = 8
_UNKNOWN = (2, b"")


class Hdlc:
    """A link (see receiver.py) for one line."""

    def __init__(self) -> None:
        self._gathered = Assembly()
        self._given = 0  # bytes of the frame at hand whose APDUs are given
        # frame's size: (where its information is, all between the flag and that): a meter's frames
        # have few different headers, and one that was found right need not be summed again
        self._heads: dict[int, tuple[int, bytes]] = {}

    def scan(self, buf: bytearray, at: int, end: int) -> "tuple[int, Outcome]":
        if end - at < 3:
            return self._begun(buf, at, end), None
        size = (buf[at + 1] & 0x07) << 8 | buf[at + 2]
        head, known = self._heads.get(size, _UNKNOWN)
        if buf[at + 1 : at + head] != known:
            n, outcome, head = self._header(buf, at, end, size)
            if not head:
                return n, outcome
        stop = at + 1 + size  # of the closing flag
        if stop >= end:
            return 0, None
        if buf[stop] != _FLAG:
            return 1, Fault(CHECKSUM, "an HDLC frame has no flag at its end", size + 2)
        start = at + head
        if start == stop:  # no information, and but one sum
            return size + 1, None
        told = buf[stop - 2] | buf[stop - 1] << 8
        if not self._given and x25(buf, at + 1, stop - 2) != told:
            return 1, Fault(CHECKSUM, "an HDLC frame's checksum is wrong", size + 2)
        # the closing flag may open the next frame, unless one more stands behind it
        used = size + 2 if stop + 1 < end and buf[stop + 1] == _FLAG else size + 1
        return self._frame(buf, at, start, stop - 2, used)

    def _begun(self, buf: bytearray, at: int, end: int) -> int:
        if end - at < 2:
            return 0
        if buf[at + 1] == _FLAG:  # flags fill a pause, and may stand between frames
            return 1
        return 0 if buf[at + 1] & 0xF0 == _TYPE else -1

    def _header(self, buf: bytearray, at: int, end: int, size: int) -> "tuple[int, Outcome, int]":
        """(_, _, size of the flag, the header and its sum) of one that is right; else what scan
        gives, and 0."""
        n = self._begun(buf, at, end)
        if n:
            return n, None, 0
        head = at + 3
        for _ in range(2):  # destination, source
            most = head + _ADDRESS_MAX
            while True:
                if head >= end:
                    return 0, None, 0
                head += 1
                if buf[head - 1] & 1:
                    break
                if head == most:
                    return -1, None, 0
        head += 1  # control
        if head + 1 > at + size:
            return -1, None, 0
        if head + 2 > end:
            return 0, None, 0
        if x25(buf, at + 1, head) != buf[head] | buf[head + 1] << 8:
            # whose length may be as wrong; of garbage, one in some thousand bytes looks like it
            return 1, Fault(CHECKSUM, "an HDLC frame's header sum is wrong"), 0
        if len(self._heads) >= _HEADS_MAX:
            self._heads.clear()
        head += 2
        self._heads[size] = (head - at, bytes(buf[at + 1 : head]))
        return 0, None, head - at

    def _frame(
        self, buf: bytearray, at: int, start: int, stop: int, used: int
    ) -> "tuple[int, Outcome]":
        gathered = self._gathered
        begins = buf[start : start + 3] == _LLC
        if begins:
            start += 3
            # reported first, then this frame is examined again; some readers know of meters whose
            # later segments have an LLC as well: these do not go on as an APDU begins
            if gathered.data is not None and buf[start] in _APDUS:
                gathered.data = None
                return 0, Fault(
                    SEGMENT, "an HDLC telegram began before the last one's segments ended"
                )
        if gathered.data is None:
            if gathered.blocks and gathered.blocks.restarts(buf, start, stop):
                gathered.drop()
                return 0, Fault(
                    SEGMENT, "an HDLC telegram began before the last one's blocks ended"
                )
            if not buf[at + 1] & _SEGMENTED:
                start += self._given
                if begins and buf[start] != BLOCK and buf.find(_LLC, start, stop) >= 0:
                    again = buf.find(_LLC + bytes(buf[start : start + 1]), start, stop)
                    if again >= 0:  # this one first; then the frame is looked at again
                        self._given += again + len(_LLC) - start
                        return 0, gathered.whole(bytes(memoryview(buf)[start:again]))
                self._given = 0
                apdu = bytes(memoryview(buf)[start:stop])
                return used, gathered.whole(apdu) if buf[start] == BLOCK else ("apdu", apdu)
            gathered.data = bytearray()
        gathered.data += memoryview(buf)[start:stop]
        if len(gathered.data) > APDU_MAX:
            gathered.data = None
            return used, Fault(LENGTH, "a telegram in segments is over %d bytes" % APDU_MAX)
        if buf[at + 1] & _SEGMENTED:
            return used, None
        info = gathered.data
        gathered.data = None
        return used, gathered.whole(info)

    def idle(self) -> Fault | None:
        if not self._gathered.unfinished():
            return None
        self._gathered.drop()
        return Fault(SEGMENT, "an HDLC telegram ended before its last segment or block")
