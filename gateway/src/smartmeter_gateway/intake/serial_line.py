"""A serial line with a meter on it: its setting, the search for it, and what we send."""

import os
import termios
import time

import serial  # type: ignore[import-untyped]
from smartmeter import Fault, Reading, Receiver
from smartmeter.dialog.amis import Amis
from smartmeter.dialog.kmp import Kmp
from smartmeter.dialog.line_search import Search
from smartmeter.dialog.polling import Poller
from smartmeter.dialog.signon import SignOn

from ..config.settings import ASKS, PortSettings

_POLL_S = 0.04  # the dialogs want to be called every 50 ms
# A pause this long ends a telegram: longer than the 160 ms between the M-Bus frames of one.
_IDLE_S = 1.5
_PIECE = 4096  # bytes read at once if it is not known how many wait

Event = Reading | Fault


def now_ms() -> int:
    """The clock for the core's searches and dialogs, in ms."""
    return int(time.monotonic() * 1000)


class SerialLine:
    """An open port. read() raises OSError once the device is gone.

    Without a baud rate in the settings all usual ones are tried, beginning with the last found.
    It also talks to meters that need it: AMIS, IEC 62056-21 sign-on, M-Bus requests, KMP.
    """

    def __init__(self, settings: PortSettings, receiver: Receiver, search: Search | None) -> None:
        self._settings = settings
        self._receiver = receiver
        self._search = search
        self._answers: Amis | SignOn | Poller | Kmp = (
            ASKS[settings.poll](settings.interval * 1000, settings.address)
            if settings.poll in ASKS
            else Amis()
        )
        self._port = serial.serial_for_url(settings.device, do_not_open=True)
        self._port.timeout = _POLL_S
        if "://" not in settings.device:
            self._port.exclusive = True
        # pyserial's socket:// says 1 for any number of bytes that wait.
        self._counts_not = settings.device.startswith("socket://")
        self._set(*self.setting)
        self._open()
        self._last = time.monotonic()
        self._idle = True
        self.bytes = 0

    def _open(self) -> None:
        try:
            self._port.open()
        except termios.error as why:  # which is not an OSError
            self._port.close()
            baud, bits, parity, stop = self.setting
            raise ValueError(
                f"it does not support {baud} {bits}{parity}{stop}: {why.args[-1]}".lower()
            ) from None

    @property
    def setting(self) -> tuple[int, int, str, int]:
        """(baud, bits, parity, stop bits)."""
        if self._settings.setting is not None:
            return self._settings.setting
        if self._search is not None:
            baud, bits, parity, stop, _ = self._search.setting
            return baud, bits, parity, stop
        return self._answers.setting

    def _set(self, baud: int, bits: int, parity: str, stop: int) -> None:
        port = self._port
        if os.path.realpath(self._settings.device).startswith("/dev/pts/"):
            bits, parity = 8, "N"  # Linux refuses a parity bit where there is no line to put it on
        port.baudrate, port.bytesize, port.parity, port.stopbits = baud, bits, parity, stop

    def close(self) -> None:
        self._port.close()

    def read(self) -> list[Event]:
        """What came within a moment."""
        data: bytes = self._port.read(_PIECE if self._counts_not else self._port.in_waiting or 1)
        now = time.monotonic()
        events: list[Event] = []
        if data:
            self._last, self._idle = now, False
            self.bytes += len(data)
            events = self._receiver.feed(data)
        elif not self._idle and now - self._last >= _IDLE_S:
            self._idle = True
            events = self._receiver.flush()
        self._answer(data)
        if self._search is not None:
            change = self._search.events(len(data), events, now_ms())
            if change is not None:
                self._receiver.flush()
                self._set(*change[:4])
        return events

    def _answer(self, data: bytes) -> None:
        answer = self._answers.received(data, now_ms())
        if answer:
            self._port.write(answer)
        asking, baud = self._answers.due(now_ms())
        if asking:
            self._port.write(asking)
        if baud is not None:
            self._port.baudrate = baud
