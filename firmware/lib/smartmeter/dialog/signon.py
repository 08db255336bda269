"""IEC 62056-21 modes A to C: reads a meter out. No clock, no port; interface of amis.py.

    we     /?address! CR LF        at 300 baud 7E1
    meter  /XXXZ identification CR LF
    we     ACK 0 Z 0 CR LF         mode C only: Z is a digit; then both go to its baud rate
    meter  STX data lines ! CR LF ETX BCC

In mode B (Z is a letter) the meter changes its rate unasked, in mode A (anything else) never.

Siemens TD-3511 of IBW (Switzerland) is read in programming mode: where one gives no readout, the
next sign-on is

    we     ACK 0 Z 1 CR LF
    meter  SOH P0 STX ... ETX BCC, or nothing
    we     SOH R2 STX F001 ETX BCC CR LF, once that is answered F009; then SOH B0 ETX BCC
    meter  STX data lines ETX BCC, to each R2

Our rate changes when the last bit of the acknowledgement must have left, not when a driver has
accepted it. Otherwise it is read back as noise, or the first data are lost.
"""

from .elapsed import elapsed

_BAUD = 300  # of the sign-on (IEC 62056-21, 6.4.2)
_MODE_C = {"0": 300, "1": 600, "2": 1200, "3": 2400, "4": 4800, "5": 9600, "6": 19200}
_MODE_B = {"A": 600, "B": 1200, "C": 2400, "D": 4800, "E": 9600, "F": 19200}

_REACTION_MS = 300  # tr: 200 to 1500 ms between a message and its answer (table 2)
_ANSWER_MS = 2000  # tr at its most, and half a second for slow heads
_SILENCE_MS = 2000  # in a readout; ta, between two characters, is 1500 ms at most
_LAST_BIT_MS = 30
_PAUSE_MS = 2000  # after a readout: above ta, so that the meter has gone back to 300 baud
_RETRY_MS = 5000
_IDENTIFICATION_MAX = 120
_ADDRESS_MAX = 32  # 6.3.1
_PROMPT_MS = 1500  # tr at its most

_PROGRAMMED = b"TD-351"  # in the identification
_SETS = (b"\x01R2\x02F001\x03\x16\r\n", b"\x01R2\x02F009\x03\x1e\r\n")
_BREAK = b"\x01B0\x03q"

_SOH = 0x01
_STX = 0x02
_ETX = b"\x03"
_BRACKET = 0x28

_REST, _ASKED, _IDENTIFIED, _ACKNOWLEDGED, _READING, _DONE, _PROMPTED, _ENDED = range(8)
_STATES = (
    "rests until the next readout",
    "has asked for the identification",
    "is identified",
    "is acknowledged",
    "reads out",
    "has read out",
    "may ask for a set of data",
    "has read out",
)


class SignOn:
    """Reads one meter out every interval_ms; address is the meter's number on a bus, or ""."""

    setting = (_BAUD, 7, "E", 1)

    def __init__(self, interval_ms: int = 10000, address: str = "") -> None:
        if len(address) > _ADDRESS_MAX or not all(
            [" " < c <= "z" and c not in "/!" for c in address]
        ):
            raise ValueError("a meter's address is up to %d letters and digits" % _ADDRESS_MAX)
        self._interval_ms = interval_ms
        self._request = b"/?" + address.encode() + b"!\r\n"
        self._step = _REST
        self._since_ms: int | None = None  # of the step
        self._wait_ms = 0  # how long it lasts
        self._begun_ms = 0  # of this readout
        self._buf = b""
        self._baud = _BAUD
        self._acknowledge = b""
        self._framed = False
        self._is_programmed = False  # a meter that may have to be read in programming mode
        self._programs = False
        self._left: "tuple[bytes, ...]" = ()  # sets of data to ask for
        self._command = False  # what comes is a message in programming mode, maybe our own
        self._came = False  # some of the set has come
        self._readouts = 0
        self._tries = 0

    @property
    def state(self) -> str:
        if self._step in (_REST, _ASKED) and self._tries > 1 and not self._readouts:
            return "has asked %d times and got no readout" % self._tries
        return _STATES[self._step]

    def received(self, data: bytes, now_ms: int) -> bytes:
        """Takes the input; nothing here is answered at once, so it returns b""."""
        if data and self._since_ms is not None:
            data = bytes([b & 0x7F for b in data])  # a port without parity leaves its bit in
            if self._step == _ASKED:
                data = self._identification(self._buf + data, now_ms)
            if data and self._step in (_READING, _PROMPTED):
                self._since_ms = now_ms
                self._readout(data)
        return b""

    def due(self, now_ms: int) -> "tuple[bytes, int | None]":
        """What to send now, and the baud rate to set then."""
        if self._since_ms is None:
            self._since_ms = now_ms
        if self._step == _DONE:
            if self._left:
                self._go(_PROMPTED, now_ms, _REACTION_MS)
                return b"", None
            self._readouts += 1
            if self._programs:
                self._go(_ENDED, now_ms, _LAST_BIT_MS)
                return _BREAK, None
            return self._rest(now_ms, _PAUSE_MS)
        if elapsed(now_ms, self._since_ms) < self._wait_ms:
            return b"", None
        if self._step == _REST:
            self._begun_ms = now_ms
            self._tries += 1
            self._buf = b""
            self._go(_ASKED, now_ms, _on_line_ms(self._request) + _ANSWER_MS)
            return self._request, None
        if self._step == _IDENTIFIED:
            self._go(_ACKNOWLEDGED, now_ms, _on_line_ms(self._acknowledge) + _LAST_BIT_MS)
            return self._acknowledge, None
        if self._step == _ACKNOWLEDGED:
            if self._programs:
                self._left = _SETS
                self._go(_PROMPTED, now_ms, _PROMPT_MS)
            else:
                self._go(_READING, now_ms, _SILENCE_MS)
            return b"", self._baud
        if self._step == _PROMPTED:
            request = self._left[0]
            self._left = self._left[1:]
            self._buf = b""
            self._framed = self._came = False
            self._go(_READING, now_ms, _SILENCE_MS)
            return request, None
        if self._step == _ENDED:
            return self._rest(now_ms, _PAUSE_MS)
        if self._step == _READING and self._is_programmed:
            if self._programs and self._came:  # a set without a frame
                self._step = _DONE
                return b"", None
            self._programs = not self._programs
        self._left = ()
        return self._rest(now_ms, _RETRY_MS)  # no answer, or a readout that broke off

    def _go(self, step: int, now_ms: int, wait_ms: int) -> None:
        self._step = step
        self._since_ms = now_ms
        self._wait_ms = wait_ms

    def _rest(self, now_ms: int, least_ms: int) -> "tuple[bytes, int | None]":
        left = self._interval_ms - elapsed(now_ms, self._begun_ms)
        self._go(_REST, now_ms, left if left > least_ms else least_ms)
        return b"", _BAUD

    def _identification(self, buf: bytes, now_ms: int) -> bytes:
        """Looks for the meter's identification in buf; returns what follows it."""
        self._buf = buf[-_IDENTIFICATION_MAX:]
        start = buf.find(b"/")
        while start >= 0:
            stop = buf.find(b"\r\n", start)
            if stop - start >= 5 and _is_maker(buf[start + 1 : start + 4]):
                break
            start = buf.find(b"/", start + 1)
        else:
            return b""
        self._buf = b""
        letter = chr(buf[start + 4])
        self._framed = self._command = False
        self._acknowledge = b""
        if letter in _MODE_B:
            self._baud = _MODE_B[letter]
            self._go(_ACKNOWLEDGED, now_ms, 0)
        elif letter in _MODE_C:
            self._baud = _MODE_C[letter]
            self._is_programmed = buf.find(_PROGRAMMED, start, stop) >= 0
            mode = b"1" if self._programs else b"0"
            self._acknowledge = b"\x060" + letter.encode() + mode + b"\r\n"
            self._go(_IDENTIFIED, now_ms, _REACTION_MS)
        else:
            self._baud = _BAUD
            self._go(_READING, now_ms, _SILENCE_MS)
        return buf[stop + 2 :]

    def _readout(self, data: bytes) -> None:
        """Looks for its end: the BCC after ETX, or a line "!" if there is no frame."""
        tail = self._buf
        for b in data:
            if self._framed and tail[-1:] == _ETX:
                if not self._command or self._step == _PROMPTED:
                    self._step = _DONE
                    return
                self._framed = self._command = False  # an optical head hears our request
            elif b == _SOH:
                self._command = True
            elif b == _STX:
                self._framed = True
            elif b == _BRACKET:
                self._came = True
            tail = tail[-2:] + bytes((b,))
            if tail == b"!\r\n" and not self._framed:
                self._step = _DONE
                return
        self._buf = tail


def _is_maker(letters: bytes) -> bool:
    return all([65 <= b & 0xDF <= 90 for b in letters])


def _on_line_ms(data: bytes) -> int:
    """How long data takes at the baud rate of the sign-on, ten bits a character."""
    return len(data) * 10000 // _BAUD
