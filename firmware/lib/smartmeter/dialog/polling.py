"""Requests an M-Bus meter's records (EN 13757-2, 5). No clock, no port; interface of amis.py.

    we     10 40 A CS 16           SND_NKE: start again
    meter  E5
    we     10 5B A CS 16           REQ_UD2; 7B in turn with 5B, so that a lost answer shows
    meter  68 L L 68 ... CS 16     from an answer that has not come

What a meter did not answer is asked again as it was; after three times all starts again.
Several meters on the bus are asked one after the other.
"""

from .elapsed import elapsed

ANY = 254  # the address that every meter answers: for one that is alone on its line
_ADDRESS_MAX = 250
_METERS_MAX = 9  # the main meter, and sub-meters on channels 1 to 8

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


def addresses(text: str) -> "list[int]":
    """The primary addresses in "1" or "1, 5, 6", [ANY] for ""; ValueError if it has others.

    The first is the main meter's, the others those of the sub-meters on channels 1, 2 and so on.
    """
    if not text:
        return [ANY]
    found: "list[int]" = []
    for part in text.split(","):
        part = part.strip()
        is_one = part.isdigit() and len(part) <= 3 and int(part) not in found
        if not is_one or not (int(part) <= _ADDRESS_MAX or (text == part and int(part) == ANY)):
            raise ValueError(
                "an M-Bus meter's address is a number from 0 to %d, or %d for the only one; "
                "several have commas between them" % (_ADDRESS_MAX, ANY)
            )
        found.append(int(part))
    if len(found) > _METERS_MAX:
        raise ValueError("at most %d M-Bus meters are asked on a line" % _METERS_MAX)
    return found


class Poller:
    """Requests from each meter every interval_ms; address is as addresses() takes it."""

    setting = (2400, 8, "E", 1)

    def __init__(self, interval_ms: int = 10000, address: str = "") -> None:
        self._addresses = addresses(address)
        self._turn = 0  # which of them is asked
        self._interval_ms = interval_ms
        self._step = _REST
        self._since_ms: int | None = None  # of the step
        self._wait_ms = 0  # how long it lasts
        self._begun_ms = 0  # of this request
        self._buf = b""
        self._toggles = [0] * len(self._addresses)
        # whether a meter knows with which request we begin
        self._greeted = [False] * len(self._addresses)
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
                self._greeted[self._turn] = True
                self._go(_REST, now_ms, _PAUSE_MS)
            return b""
        self._go(_ASKED, now_ms, _PAUSE_MS)  # as long as bytes come, more may
        self._buf = (self._buf + bytes(data))[-512:]
        if _is_answer(self._buf):
            self._answers += 1
            self._tries = 0
            self._toggles[self._turn] ^= 1
            self._rest(now_ms, _PAUSE_MS)
        return b""

    def due(self, now_ms: int) -> "tuple[bytes, int | None]":
        """What to send now; the baud rate stays."""
        if self._since_ms is None:
            self._since_ms = now_ms
        if elapsed(now_ms, self._since_ms) < self._wait_ms:
            return b"", None
        if self._step == _ASKED and self._tries >= _TRIES:
            self._greeted[self._turn] = False
            if len(self._addresses) > 1:  # the next one may answer
                self._tries = 0
            self._rest(now_ms, _RETRY_MS)
            return b"", None
        if self._step == _RESET:  # some meters do not greet, and answer all the same
            self._greeted[self._turn] = True
        self._buf = b""
        if not self._greeted[self._turn]:
            self._toggles[self._turn] = 0
            self._go(_RESET, now_ms, _ANSWER_MS)
            return self._short(_NKE), None
        if self._step != _ASKED and not self._turn:
            self._begun_ms = now_ms
        self._tries += 1
        self._go(_ASKED, now_ms, _ANSWER_MS)
        return self._short(_REQUESTS[self._toggles[self._turn]]), None

    def _short(self, control: int) -> bytes:
        address = self._addresses[self._turn]
        return bytes((0x10, control, address, control + address & 0xFF, _STOP))

    def _go(self, step: int, now_ms: int, wait_ms: int) -> None:
        self._step = step
        self._since_ms = now_ms
        self._wait_ms = wait_ms

    def _rest(self, now_ms: int, least_ms: int) -> None:
        self._turn = (self._turn + 1) % len(self._addresses)
        if self._turn:
            self._go(_REST, now_ms, _PAUSE_MS)
            return
        left = self._interval_ms - elapsed(now_ms, self._begun_ms)
        self._go(_REST, now_ms, left if left > least_ms else least_ms)


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
