"""Listens to serial ports and says what is on them."""

import queue
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from decimal import Decimal

from serial.tools import list_ports  # type: ignore[import-untyped]
from smartmeter import Fault, Reading, Receiver
from smartmeter.dialog.line_search import NO_BYTES, NO_FRAME, NO_KEY, READINGS, Search, name
from smartmeter_service.errors import reason_of
from smartmeter_service.threads import RestartedThread

from ..config.settings import PortSettings
from ..intake.serial_line import SerialLine
from ..monitoring.diagnosis import WORDS
from ..monitoring.registry import log

# What a reading says of its encryption -> in words
_PROTECTION = {
    "verified": "encrypted, tag verified",
    "unverified": "encrypted, tag not checked",
    "none": "not encrypted",
}
Result = tuple[bool, str]  # whether it is right, and a line for a person


def listen_to_all(
    ports: Iterable[PortSettings], seconds: float, until_reading: bool
) -> Iterator[Result]:
    """Listen to all ports at once, and yield what is on each as soon as it is clear."""
    results: queue.Queue[Result] = queue.Queue()

    def failed(name: str) -> None:
        log.exception("%s: an unexpected error of this program", name)
        results.put((False, f"{name}: an unexpected error of this program; please report it"))

    started = [
        RestartedThread(
            f"port {port.device}",
            lambda port=port: results.put(_listen(port, seconds, until_reading)),  # type: ignore[misc]
            failed,
            again=False,
        )
        for port in ports
    ]
    for thread in started:
        thread.start()
    for _ in started:
        yield results.get()


def _listen(port: PortSettings, seconds: float, until_reading: bool) -> Result:
    """Open a port, search its setting if the settings name no baud rate, and read it."""
    label = f"port {port.device}"
    search = Search(inverted=False) if port.baud is None and port.poll == "no" else None
    try:
        receiver = Receiver(
            port.key, port.auth_key, port.link, port.profile, port.zone, port.unencrypted
        )
        with closing(SerialLine(port, receiver, search)) as line:
            progress, found = _listened(line, search, seconds)
    except (OSError, ValueError) as why:
        cause = why.__context__ if isinstance(why.__context__, OSError) else why
        return False, f"{label}: {reason_of(cause)}"
    if until_reading or progress == READINGS:
        return progress == READINGS, f"{label}: {WORDS[progress]}{found}"
    return True, f"{label}: {progress}{found}"


def _listened(line: SerialLine, search: Search | None, seconds: float) -> tuple[str, str]:
    until = time.monotonic() + seconds
    progress = NO_BYTES
    while time.monotonic() < until:
        for event in line.read():
            if not isinstance(event, Fault):
                baud, bits, parity, stop = line.setting
                meter = f", meter {event.meter}" if event.meter else ""
                at = name((baud, bits, parity, stop, False))
                layers = f"{at}, {' '.join(event.layers)}{meter}, {_PROTECTION[event.auth]}"
                return READINGS, f": {_in_words(event)} ({layers})"
            if event.kind in ("key", "tag"):
                progress = NO_KEY
        if progress == NO_BYTES and line.bytes:
            progress = NO_FRAME
        if search is not None and progress == NO_KEY and search.found:
            return progress, f" ({name(search.setting)})"
    return progress, ""


def _in_words(reading: Reading) -> str:
    """Power and energies as a meter's display shows them."""
    words = []
    for code, what in (("1.7.0", "W import"), ("2.7.0", "W export")):
        if code in reading.values and (code == "1.7.0" or _number(reading, code)):
            words.append(f"{_number(reading, code):,.0f} {what}".replace(",", " "))
    for code, what in (("1.8.0", "kWh import"), ("2.8.0", "kWh export")):
        if code in reading.values:
            words.append(f"{_number(reading, code) / 1000:,.1f} {what}".replace(",", " "))
    if not words:
        words = [f"{code} {_number(reading, code)}" for code in list(reading.values)[:3]]
    return f"{', '.join(words)}; compare with the display"


def _number(reading: Reading, code: str) -> Decimal:
    mantissa, exponent = reading.values.get(code, (0, 0))
    return Decimal(mantissa).scaleb(exponent)


def _devices() -> list[str]:
    """The serial ports of this machine."""
    return sorted(port.device for port in list_ports.comports())


_FIRST_S = 6.0  # most meters send every 5 s or more often; `check` listens for longer


def heard() -> dict[str, str]:
    """The serial ports, each with what was heard on it within a few seconds."""
    found = dict.fromkeys(_devices(), "nothing heard in a few seconds")
    ports = [PortSettings(device=device, meter="survey") for device in found]
    for _, line in listen_to_all(ports, _FIRST_S, until_reading=False):
        device, _, words = line.removeprefix("port ").partition(": ")
        found[device] = words
    return found


def survey(seconds: float, say: Callable[[str], None]) -> None:
    """Say of each serial port what seems to be on it."""
    found = _devices()
    if not found:
        say("there is no serial port on this machine")
        return
    say(f"listening for up to {seconds:g} s to {', '.join(found)} ...")
    ports = [PortSettings(device=device, meter="survey") for device in found]
    for _, line in listen_to_all(ports, seconds, until_reading=False):
        say(line)
