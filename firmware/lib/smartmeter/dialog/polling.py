"""Requests an M-Bus meter's records (EN 13757-2, 5). No clock, no port; interface of amis.py.

    we     10 40 A CS 16           SND_NKE: start again
    meter  E5
    we     10 5B A CS 16           REQ_UD2; 7B in turn with 5B, so that a lost answer shows
    meter  68 L L 68 ... CS 16     from an answer that has not come

What a meter did not answer is asked again as it was; after three times all starts again.
"""

from .elapsed import elapsed

ANY = 254  # the address that every meter answers: for one that is alone on its line
_ADDRESS_MAX = 250

_ANSWER_MS = 1000  # 330 bit times and 50 ms, that is 190 ms at 2400 baud; slow converters
_PAUSE_MS = 300  # inside of an answer, there is none as long
_TRIES = 3
_RETRY_MS = 5000

_NKE = 0x40
_REQUESTS = (0x5B, 0x7B)
_LONG = 0x68
_STOP = 0x16

_REST, _RESET, _ASKED = range(3)
_STATES = (
    "rests until the next request",
    "has greeted the meter",
    "has asked for data",
)


class Poller:
    """Requests from one meter every interval_ms; address is its primary address, "" for any."""

    setting = (2400, 8, "E", 1)

    def __init__(self, interval_ms: int = 10000, address: str = "") -> None:
        if address and not (address.isdigit() and len(address) <= 3 and _is_one(int(address))):
            raise ValueError(
                "an M-Bus meter's address is a number from 0 to %d, or %d" % (_ADDRESS_MAX, ANY)
            )
        self._address = int(address) if address else ANY
        self._interval_ms = interval_ms
        self._step = _REST
        self._since_ms: int | None = None  # of the step
        self._wait_ms = 0  # how long it lasts
        self._begun_ms = 0  # of this request
        self._buf = b""
        self._toggle = 0
        self._greeted = False  # the meter knows with which request we begin
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
        if self._step == _RESET:
            if b"\xe5" in data:
                self._greeted = True
                self._go(_REST, now_ms, _PAUSE_MS)
            return b""
        self._go(_ASKED, now_ms, _PAUSE_MS)  # as long as bytes come, more may
        self._buf = (self._buf + bytes(data))[-512:]
        if _is_answer(self._buf):
            self._answers += 1
            self._tries = 0
            self._toggle ^= 1
            self._rest(now_ms, _PAUSE_MS)
        return b""

    def due(self, now_ms: int) -> "tuple[bytes, int | None]":
        """What to send now; the baud rate stays."""
        if self._since_ms is None:
            self._since_ms = now_ms
        if elapsed(now_ms, self._since_ms) < self._wait_ms:
            return b"", None
        if self._step == _ASKED and self._tries >= _TRIES:
            self._greeted = False
            self._rest(now_ms, _RETRY_MS)
            return b"", None
        if self._step == _RESET:  # some meters do not greet, and answer all the same
            self._greeted = True
        self._buf = b""
        if not self._greeted:
            self._toggle = 0
            self._go(_RESET, now_ms, _ANSWER_MS)
            return self._short(_NKE), None
        if self._step != _ASKED:
            self._begun_ms = now_ms
        self._tries += 1
        self._go(_ASKED, now_ms, _ANSWER_MS)
        return self._short(_REQUESTS[self._toggle]), None

    def _short(self, control: int) -> bytes:
        return bytes((0x10, control, self._address, control + self._address & 0xFF, _STOP))

    def _go(self, step: int, now_ms: int, wait_ms: int) -> None:
        self._step = step
        self._since_ms = now_ms
        self._wait_ms = wait_ms

    def _rest(self, now_ms: int, least_ms: int) -> None:
        left = self._interval_ms - elapsed(now_ms, self._begun_ms)
        self._go(_REST, now_ms, left if left > least_ms else least_ms)


def _is_one(address: int) -> bool:
    return address <= _ADDRESS_MAX or address == ANY


def _is_answer(buf: bytes) -> bool:
    """Whether a whole long frame is in buf; the Receiver handles its content."""
    at = buf.find(b"\x68")
    while at >= 0:
        if len(buf) - at >= 4 and buf[at + 1] == buf[at + 2] and buf[at + 3] == _LONG:
            stop = at + 4 + buf[at + 1]
            if len(buf) > stop + 1 and buf[stop + 1] == _STOP:
                if sum(buf[at + 4 : stop]) & 0xFF == buf[stop]:
                    return True
        at = buf.find(b"\x68", at + 1)
    return False
