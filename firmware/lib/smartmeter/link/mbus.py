"""M-Bus frames (EN 13757-2): the wired push of Austrian meters, and polled replies.

    68 L L 68 | C A CI ... | checksum 16

L counts from C to before the checksum; the checksum is the sum of these bytes modulo 256.
A push telegram (DLMS over M-Bus, EN 13757-1) has CI = 000F SSSS with F for the final
segment and S its number from 0, and two bytes of transport addresses before its data.
"""

from sys import implementation

from ..fault import CHECKSUM, LENGTH, SEGMENT, Fault
from .assembly import APDU_MAX, Assembly

TYPE_CHECKING = False  # what follows is for mypy; a device has no typing
if TYPE_CHECKING:
    Outcome = Fault | tuple[str, bytes | bytearray] | None

_START = 0x68
_SHORT = 0x10
_ACKNOWLEDGE = 0xE5
_STOP = 0x16

_FINAL = 0x10
_SEGMENT = 0x0F
_CI_PUSH_MAX = 0x1F
_CI_AMIS = 0x5B  # Siemens TD-351x (Netz OOe): data from master to slave, long header
_CI_REPLIES = (0x72, 0x73, 0x76, 0x77, 0x78, 0x7A)  # EN 13757-3, table 2: responses with records

# Old Sagemcom T210-D firmware sends 257 bytes under an L of 01: the length modulo 256. No
# true frame is shorter than 3.
_OVERFLOW = 256
_OVERFLOW_MAX = 15


_ON_DEVICE = implementation.name == "micropython"


def _sum8(data: bytearray, start: int, end: int) -> int:
    """The low 8 bits of the sum of data[start:end]."""
    if _ON_DEVICE:  # a copy would be garbage; elsewhere it is twice as fast
        return sum(memoryview(data)[start:end]) & 0xFF
    return sum(data[start:end]) & 0xFF


class Mbus:
    """A link (see receiver.py) for one line."""

    def __init__(self) -> None:
        self._gathered = Assembly()
        self._next = 0

    def scan(self, buf: bytearray, at: int, end: int) -> "tuple[int, Outcome]":
        first = buf[at]
        if first == _ACKNOWLEDGE:
            return 1, None
        if first == _SHORT:
            return self._short(buf, at, end)
        if end - at < 4:
            for i in range(1, end - at):  # what is there must fit 68 L L 68
                if i == 2 and buf[at + 1] != buf[at + 2]:
                    return -1, None
            return 0, None
        size = buf[at + 1]
        if buf[at + 2] != size or buf[at + 3] != _START:
            return -1, None
        if end - at < size + 6:
            return 0, None
        stop = at + 4 + size
        if size < 3 or buf[stop + 1] != _STOP or _sum8(buf, at + 4, stop) != buf[stop]:
            if size <= _OVERFLOW_MAX:
                if end - at < size + _OVERFLOW + 6:
                    return 0, None
                stop += _OVERFLOW
            if buf[stop + 1] != _STOP or _sum8(buf, at + 4, stop) != buf[stop]:
                return 1, Fault(CHECKSUM, "an M-Bus frame's checksum is wrong", size + 6)
        return self._frame(buf, at, stop)

    def _short(self, buf: bytearray, at: int, end: int) -> "tuple[int, Outcome]":
        if end - at < 5:
            return 0, None
        if buf[at + 4] != _STOP or (buf[at + 1] + buf[at + 2]) & 0xFF != buf[at + 3]:
            return -1, None
        return 5, None

    def _frame(self, buf: bytearray, at: int, stop: int) -> "tuple[int, Outcome]":
        used = stop + 2 - at
        ci = buf[at + 6]
        if ci > _CI_PUSH_MAX:
            if ci == _CI_AMIS:
                return used, ("amis", bytes(buf[at + 4 : stop]))
            if ci in _CI_REPLIES:
                return used, ("records", bytes(buf[at + 4 : stop]))
            return used, Fault(LENGTH, "an M-Bus frame with CI %02X is not known" % ci)
        if stop - at < 9:
            return used, Fault(LENGTH, "an M-Bus frame is too short for a segment")
        number = ci & _SEGMENT
        gathered = self._gathered
        if number == 0:
            # reported first, then this frame is examined again
            blocks = gathered.blocks
            if gathered.data is not None or (blocks and blocks.restarts(buf, at + 9, stop)):
                return 0, self.idle()
            gathered.data = bytearray()
            self._next = 0
        if gathered.data is None or number != self._next:
            expected = self._next if gathered.data is not None else 0
            gathered.data = None
            return used, Fault(
                SEGMENT, "M-Bus segment %d came where %d was to come" % (number, expected)
            )
        self._next += 1
        gathered.data += memoryview(buf)[at + 9 : stop]
        if len(gathered.data) > APDU_MAX:
            gathered.data = None
            return used, Fault(LENGTH, "a telegram in segments is over %d bytes" % APDU_MAX)
        if not ci & _FINAL:
            return used, None
        apdu = gathered.data  # no copy: on a device, two of them would not fit
        gathered.data = None
        return used, gathered.whole(apdu)

    def idle(self) -> Fault | None:
        if not self._gathered.unfinished():
            return None
        self._gathered.drop()
        return Fault(SEGMENT, "an M-Bus telegram ended before its final segment")
