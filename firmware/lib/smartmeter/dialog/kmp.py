"""Requests the registers of a Kamstrup heat meter (KMP). No clock, no port; interface of amis.py.

    we     80 3F 10 08 registers CRC 0D     GetRegister of eight, at 1200 baud 8N2
    meter  40 3F 10 ...  CRC 0D             those that it has

The meter runs on a battery, and each answer costs some of it. So it is asked once a minute at most.
A meter that sleeps wakes up with the first request, and answers the second.
"""

from ..checks.crc import xmodem
from ..link.kmp import ANSWER, GET_REGISTER, HEAT_METER, STOP
from .elapsed import elapsed

# Energy, volume, power, flow, the temperatures, the serial number: what kmp/decode.py knows.
REGISTERS = (60, 68, 80, 74, 86, 87, 89, 1001)
_LEAST_MS = 60_000
_ANSWER_MS = 2000  # until its first byte; the request alone takes 220 ms
_PAUSE_MS = 500  # inside of an answer, there is none as long
_TRIES = 3
_RETRY_MS = 15_000

_REST, _ASKED = range(2)
_STATES = ("rests until the next request", "has asked for registers")


class Kmp:
    """Requests from one meter every interval_ms, a minute at least. KMP knows no address."""

    setting = (1200, 8, "N", 2)

    def __init__(self, interval_ms: int = 900_000, address: str = "") -> None:
        if address:
            raise ValueError("a meter that is read by KMP has no address")
        self._interval_ms = max(interval_ms, _LEAST_MS)
        self._request = request(REGISTERS)
        self._step = _REST
        self._since_ms: int | None = None  # of the step
        self._wait_ms = 0  # how long it lasts
        self._begun_ms = 0  # of this request
        self._came = False  # a byte of the answer
        self._tries = 0
        self._answers = 0

    @property
    def state(self) -> str:
        if self._tries > 1 and not self._answers:
            return "has asked %d times and got no answer" % self._tries
        return _STATES[self._step]

    def received(self, data: bytes, now_ms: int) -> bytes:
        """Takes the input; nothing here is answered at once, so it returns b""."""
        if not data or self._step == _REST or self._since_ms is None:
            return b""
        self._since_ms = now_ms  # as long as bytes come, more may
        if not self._came:  # an echo of the request comes before
            start = bytes(data).find(bytes((ANSWER, HEAT_METER)))
            if start < 0:
                return b""
            self._came = True
            self._wait_ms = _PAUSE_MS
            data = bytes(data)[start:]
        if STOP in bytes(data):
            self._answers += 1
            self._tries = 0
            left = self._interval_ms - elapsed(now_ms, self._begun_ms)
            self._go(_REST, now_ms, max(left, _PAUSE_MS))
        return b""

    def due(self, now_ms: int) -> "tuple[bytes, int | None]":
        """What to send now; the baud rate stays."""
        if self._since_ms is None:
            self._since_ms = now_ms
        if elapsed(now_ms, self._since_ms) < self._wait_ms:
            return b"", None
        if self._step == _ASKED and self._tries >= _TRIES and self._tries % _TRIES == 0:
            self._go(_REST, now_ms, _RETRY_MS)
            return b"", None
        if self._step == _REST:
            self._begun_ms = now_ms
        self._tries += 1
        self._came = False
        self._go(_ASKED, now_ms, _ANSWER_MS)
        return self._request, None

    def _go(self, step: int, now_ms: int, wait_ms: int) -> None:
        self._step = step
        self._since_ms = now_ms
        self._wait_ms = wait_ms


def request(registers: "tuple[int, ...]") -> bytes:
    """The frame that asks for registers, eight at most."""
    content = bytearray((HEAT_METER, GET_REGISTER, len(registers)))
    for register in registers:
        content.append(register >> 8)
        content.append(register & 0xFF)
    crc = xmodem(content, 0, len(content))
    content.append(crc >> 8)
    content.append(crc & 0xFF)
    frame = bytearray(b"\x80")
    for byte in content:
        if byte in (0x06, STOP, 0x1B, ANSWER, 0x80):
            frame.append(0x1B)
            byte ^= 0xFF
        frame.append(byte)
    frame.append(STOP)
    return bytes(frame)
