"""Frames of France's customer port, the tele-information client (Enedis-NOI-CPT_54E).

    STX | groups | ETX          a group: LF label SEP value SEP check CR
                                         LF label HT date HT value HT check CR

Historical mode (1200 Bd) has a space as SEP, some old meters HT; standard mode (9600 Bd) has HT.
The check is a sum from the label on, of 6 bits, plus 20 hex. In standard mode it counts the last
SEP as well. EOT instead of ETX says that the meter gave the frame up.
"""

from sys import implementation

from ..fault import CHECKSUM, LENGTH, Fault

TYPE_CHECKING = False  # what follows is for mypy; a device has no typing
if TYPE_CHECKING:
    Outcome = Fault | tuple[str, bytes] | None

_STX = b"\x02"
_BEGIN = b"\x02\nAD"  # of ADCO or ADSC, the meter's number, or ADIR1 in an overload
_ETX = b"\x03"
_EOT = b"\x04"
_LF = 0x0A
_HT = 0x09
_SPACE = 0x20
_CR = b"\r"
_GROUP_MIN = 4  # bytes between LF and CR: a letter, two separators, the check

NONE, HISTORICAL, STANDARD = 0, 1, 2


_KEEPS_GROUPS = implementation.name != "micropython"  # there, a sum is cheaper than heap


class Tic:
    """A link (see receiver.py): its telegrams are ("tic", STX ... ETX)."""

    MAX = 3900  # 4 kB less what the links keep of headers; the longest frame known has 1400

    def __init__(self) -> None:
        self._mode = _mode
        if _KEEPS_GROUPS:
            from .tic_native import KnownGroups

            self._mode = KnownGroups(_mode, mode_of).mode

    def scan(self, buf: bytearray, at: int, end: int) -> "tuple[int, Outcome]":
        if bytes(buf[at : at + 4]) != _BEGIN[: end - at]:
            return -1, None
        if end - at < 4:
            return 0, None
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
        if not self._mode(frame):
            return 1, Fault(CHECKSUM, "the check of a TIC group does not agree", used)
        return used, ("tic", frame)

    def idle(self) -> Fault | None:
        return None


def _mode(frame: bytes) -> int:
    """The mode whose check every group of a frame has, NONE if there is none."""
    at = 1
    end = len(frame) - 1
    mode = NONE
    while at < end:
        stop = frame.find(_CR, at, end)
        found = mode_of(frame[at + 1 : stop]) if stop > 0 and frame[at] == _LF else NONE
        if not found or (mode and found != mode):
            return NONE
        mode = found
        at = stop + 1
    return mode


def mode_of(group: bytes) -> int:
    """The mode whose check a group has, without its LF and CR; NONE if it has neither."""
    if len(group) < _GROUP_MIN or group[-2] not in (_SPACE, _HT):
        return NONE
    told = group[-1]
    total = sum(group) - told
    if (total & 0x3F) + _SPACE == told:
        return STANDARD
    return HISTORICAL if ((total - group[-2]) & 0x3F) + _SPACE == told else NONE
