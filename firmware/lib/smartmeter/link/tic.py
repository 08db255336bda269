"""Frames of France's customer port, the tele-information client (Enedis-NOI-CPT_54E).

    STX | groups | ETX          a group: LF label SEP value SEP check CR
                                         LF label HT date HT value HT check CR

Historical mode (1200 Bd) has a space as SEP, some old meters HT; standard mode (9600 Bd) has HT.
The check is a sum from the label on, of 6 bits, plus 20 hex. In standard mode it counts the last
SEP as well. EOT instead of ETX says that the meter gave the frame up.
"""

from ..fault import CHECKSUM, LENGTH, Fault

TYPE_CHECKING = False  # what follows is for mypy; a device has no typing
if TYPE_CHECKING:
    Outcome = Fault | tuple[str, bytes] | None

_STX = b"\x02"
_ETX = b"\x03"
_EOT = b"\x04"
_LF = 0x0A
_HT = 0x09
_SPACE = 0x20
_CR = b"\r"
_GROUP_MIN = 4  # bytes between LF and CR: a letter, two separators, the check


class Tic:
    """A link (see receiver.py): its telegrams are ("tic", STX ... ETX)."""

    MAX = 3900  # 4 kB less what the links keep of headers; the longest frame known has 1400

    def scan(self, buf: bytearray, at: int, end: int) -> "tuple[int, Outcome]":
        if end - at < 3:
            return 0, None
        if buf[at + 1] != _LF or not 65 <= buf[at + 2] <= 90:  # a label begins with a letter
            return -1, None
        etx = buf.find(_ETX, at, end)
        stop = etx if etx >= 0 else end
        inner = buf.find(_STX, at + 1, stop)
        given_up = buf.find(_EOT, at, inner if inner >= 0 else stop)
        if given_up >= 0:
            return given_up + 1 - at, Fault(LENGTH, "the meter interrupted a TIC frame")
        if inner >= 0:
            return inner - at, Fault(LENGTH, "a TIC frame was cut short by the next one")
        if etx < 0:
            if end - at >= self.MAX:
                return 1, Fault(LENGTH, "a TIC frame over %d bytes" % self.MAX, end - at)
            return 0, None
        frame = bytes(memoryview(buf)[at : etx + 1])
        used = len(frame)
        if not _agrees(frame):
            return 1, Fault(CHECKSUM, "the check of a TIC group does not agree", used)
        return used, ("tic", frame)

    def idle(self) -> Fault | None:
        return None


def _agrees(frame: bytes) -> bool:
    """Whether every group has the check of one of the modes, the same in all of them."""
    historical = standard = True
    at = 1
    end = len(frame) - 1
    while at < end:
        stop = frame.find(_CR, at, end)
        if frame[at] != _LF or stop - at <= _GROUP_MIN:
            return False
        group = frame[at + 1 : stop - 1]  # the last separator is its last byte
        total = sum(group)
        told = frame[stop - 1]
        standard = standard and (total & 0x3F) + _SPACE == told
        historical = historical and ((total - group[-1]) & 0x3F) + _SPACE == told
        if not (standard or historical) or group[-1] not in (_SPACE, _HT):
            return False
        at = stop + 1
    return True
