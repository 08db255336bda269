"""KMP, the Kamstrup Meter Protocol: frames of Kamstrup's heat meters on the infrared eye.

    80 | 3F | command ... | CRC(2) | 0D     our request; some optical heads return it as an echo
    40 | 3F | command ... | CRC(2) | 0D     the meter's answer

06, 0D, 1B, 40 and 80 in between are sent as 1B and the byte inverted. The CRC is that of CCITT
(poly 0x1021, most significant bit first, start 0), high byte first; over everything before it.
Facts from PyKMP and Home Assistant's integration for MULTICAL, with examples of Kamstrup's
protocol description (6.2.4, GetRegister).
"""

from ..checks.crc import xmodem
from ..fault import CHECKSUM, LENGTH, Fault

TYPE_CHECKING = False  # what follows is for mypy; a device has no typing
if TYPE_CHECKING:
    Outcome = Fault | tuple[str, bytes] | None

ANSWER = 0x40
_REQUEST = 0x80
STOP = 0x0D
_END = b"\x0d"
ESCAPE = 0x1B
SPECIAL = (0x06, STOP, ESCAPE, ANSWER, _REQUEST)
HEAT_METER = 0x3F  # the address
GET_REGISTER = 0x10  # the command
_MOST = 320  # bytes: eight registers of the longest numbers, each byte of them escaped
_LEAST = 4  # address, command and CRC


class Kmp:
    """A link (see receiver.py) for one line."""

    def scan(self, buf: bytearray, at: int, end: int) -> "tuple[int, Outcome]":
        stop = buf.find(_END, at + 1, min(end, at + _MOST))
        if stop < 0:
            if end - at < _MOST:
                return (0, None) if _begins(buf, at, end) else (-1, None)
            return 1, Fault(LENGTH, "a KMP frame has no end", _MOST)
        if not _begins(buf, at, stop):
            return -1, None
        content = _unescaped(buf, at + 1, stop)
        used = stop + 1 - at
        if content is None or len(content) < _LEAST or xmodem(content, 0, len(content)):
            return 1, Fault(CHECKSUM, "a KMP frame's CRC is wrong", used)
        if buf[at] != ANSWER or content[1] != GET_REGISTER:
            return used, None  # an echo of our request, or what nobody here has asked for
        return used, ("kmp", content[2:-2])

    def idle(self) -> Fault | None:
        return None


def _begins(buf: bytearray, at: int, end: int) -> bool:
    """Whether what is there may be a frame to the heat meter or from it."""
    return end - at < 2 or buf[at + 1] == HEAT_METER


def _unescaped(buf: bytearray, start: int, stop: int) -> "bytes | None":
    """The content as it was before escaping, None if no meter sends it so."""
    content = bytes(buf[start:stop])
    if ANSWER in content or _REQUEST in content or 0x06 in content:
        return None
    if ESCAPE not in content:
        return content
    plain = bytearray()
    escaped = False
    for byte in content:
        if escaped:
            byte ^= 0xFF
            if byte not in SPECIAL:
                return None
            plain.append(byte)
            escaped = False
        elif byte == ESCAPE:
            escaped = True
        else:
            plain.append(byte)
    return None if escaped else bytes(plain)
