"""The meter's wire: a UART that is emptied into RAM whenever another part waits."""

import time

from machine import UART, Pin

from .clock import ticks
from .console import say

TYPE_CHECKING = False  # what follows is for mypy; a device has no typing
if TYPE_CHECKING:
    from smartmeter.dialog.amis import Amis
    from smartmeter.dialog.polling import Poller
    from smartmeter.dialog.signon import SignOn

    from .line_setting import Setting
    from .settings import Section

# Network trouble must never cost a byte from the meter. The UART is emptied every 20 ms by
# the loop, and as often while waiting for the broker (connection.py). A name lookup (lwIP asks 4
# times, up to 14 s in total) and a step of a TLS handshake (1 s) cannot be interrupted. So
# the driver's buffer holds what a line can bring in 15 s: 3.6 kB at 2400 baud, 14.4 kB at 9600.
# A P1 port sends at 115200 baud, but one telegram of 0.6 to 1.1 kB a second: 16 kB hold 14 s.
_STALL_S = 15
_RXBUF_MAX = 16384
_RXBUF_MIN = 2048
_HELD_MAX = 16384
_RETRY_MS = 10_000  # after the driver has failed, mostly for want of memory

_PARITY = {"N": None, "E": 0, "O": 1}


class Port:
    """The UART on the pins of the settings. answerer: what answers the meter, or None."""

    def __init__(self, meter: "Section", answerer: "Amis | SignOn | Poller | None") -> None:
        self._rx = Pin(meter["rx"])
        self._tx = Pin(meter["tx"])
        self._answerer = answerer
        self._setting: "Setting | None" = None
        self.line = ""  # the setting as text; "" before open()
        self._failed = 0  # ticks at which the driver failed
        self._chunk = bytearray(256)
        self._view = memoryview(self._chunk)
        # in pieces of 256 bytes at most: memory in use has seldom room for 16 kB in one
        self._held: "list[bytearray]" = []
        self._size = 0
        self._uart: UART | None = None
        self.overflow = 0  # bytes dropped because nobody took them

    def open(self, setting: "Setting") -> None:
        """Sets the UART up, also again: this clears errors of the driver."""
        self._setting = setting
        baud, bits, parity, stop, inverted = setting
        self.line = "%d %d%s%d%s" % (baud, bits, parity, stop, " inverted" if inverted else "")
        uart, self._uart = self._uart, None
        try:
            if uart is not None:
                uart.deinit()
            self._uart = UART(
                1,
                baudrate=baud,
                bits=bits,
                parity=_PARITY[parity],
                stop=stop,
                rx=self._rx,
                tx=self._tx,
                rxbuf=max(_RXBUF_MIN, min(_RXBUF_MAX, baud // 10 * _STALL_S)),
                timeout=0,
                timeout_char=2,
                invert=UART.INV_RX if inverted else 0,
            )
        except (OSError, RuntimeError, MemoryError) as why:
            self._failed = ticks()
            say("meter", "UART driver: %s" % why)

    def reopen(self) -> None:
        if self._setting is not None:
            self.open(self._setting)

    def drain(self) -> None:
        """Empties the UART into RAM, answers the meter; takes a moment and never waits."""
        if self._uart is None:
            if self._setting and time.ticks_diff(ticks(), self._failed) > _RETRY_MS:
                self.open(self._setting)
            return
        while True:
            n = self._uart.readinto(self._chunk)
            if not n:
                break
            try:
                self._keep(self._uart, n)
            except MemoryError:
                self.overflow += n
        if self._answerer:
            request, baud = self._answerer.due(ticks())
            if request:
                self._uart.write(request)
            if baud and self._setting:
                self.open((baud,) + self._setting[1:])

    def _keep(self, uart: UART, n: int) -> None:
        data = bytes(self._view[:n])
        if self._answerer:
            answer = self._answerer.received(data, ticks())
            if answer:
                uart.write(answer)
        if self._size + n > _HELD_MAX:
            self.overflow += n
            return
        # At 2400 baud 5 bytes come at a time, which as a piece of their own would take 32.
        if self._held and len(self._held[-1]) + n <= len(self._chunk):
            self._held[-1] += data
        else:
            self._held.append(bytearray(data))
        self._size += n

    def take(self) -> bytearray | None:
        """The next bytes, 256 at most, or None."""
        self.drain()
        if not self._held:
            return None
        data = self._held.pop(0)
        self._size -= len(data)
        return data


def answerer(meter: "Section") -> "Amis | SignOn | Poller | None":
    """The object that answers the meter, if the settings say that it needs answers."""
    if meter["answer"] == "amis":
        from smartmeter.dialog.amis import Amis

        return Amis()
    if meter["answer"] == "iec62056":
        from smartmeter.dialog.signon import SignOn

        return SignOn(address=meter["address"] or "")
    if meter["answer"] == "mbus":
        from smartmeter.dialog.polling import Poller

        return Poller(address=meter["address"] or "")
    return None
