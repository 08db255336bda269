"""Watches a board's console from its restart to the first reading, and suggests what to check."""

import sys
import time
from dataclasses import dataclass

import serial  # type: ignore[import-untyped]

from .device import RESTART
from .prompt import Refused
from .stages import NO_BYTES, NO_BYTES_S, NO_FRAME, NO_FRAME_S, TROUBLE, Progress

_NO_ECHO_S = 10  # the raw REPL answers at once

# For the raw REPL, at the prompt where mpremote has left the board. The program that reads the
# console sends it: a meter's first telegram may come before another program has ended.
_RESTART = f"\x01{RESTART}\x04".encode()
# Again, if that was lost. If it was only slow, the adapter runs by now and reads nothing from its
# console: without the Ctrl-C, the next program at the prompt would be this one.
_AGAIN = b"\x03" + _RESTART


@dataclass(frozen=True)
class Stopped:
    """Why the watch ended without a reading."""

    stage: str  # a sentence
    questions: tuple[str, ...]  # the answers that may be wrong (stages.py)
    is_late: bool  # whether the time was over


def until_reading(port: str, seconds: float, settled: set[str], restart: bool) -> Stopped | None:
    """Prints what the adapter says until its first reading has been acknowledged: then None.

    settled: names of answers that are not to be asked again. restart: the board, which waits at
    its prompt, is restarted first.
    """
    started = time.monotonic()
    bytes_at = None
    progress = Progress()
    told: set[str] = set()
    line = b""
    console = _open(port, started + 10)
    echo_until = started + _NO_ECHO_S if restart else None
    try:
        if restart:
            console.write(_RESTART)
        while time.monotonic() < started + seconds:
            try:
                data = console.read(256)
            except (OSError, serial.SerialException):  # USB of the chip itself: gone at a reset
                console.close()
                console = _open(port, time.monotonic() + 10)
                echo_until = None
                continue
            if data:
                echo_until = None
            elif echo_until and time.monotonic() > echo_until:
                console.write(_AGAIN)
                echo_until = None
            *lines, line = (line + data).split(b"\n")
            for raw in lines:
                text = raw.decode(errors="replace").strip()
                if not text.startswith("adapter: "):
                    continue
                print("  " + text.removeprefix("adapter: "), flush=True)
                progress.hear(text)
                if progress.has("bytes") and bytes_at is None:
                    bytes_at = time.monotonic()
                if progress.has("published"):
                    return None
                for words, hint, questions in TROUBLE:
                    if words in text:
                        _tell(hint, told)
                        if questions and not settled.issuperset(questions):
                            return Stopped(hint, questions, False)
            now = time.monotonic()
            if bytes_at is None and now > started + NO_BYTES_S:
                _tell(NO_BYTES, told)
            elif bytes_at and not progress.has("readings") and now > bytes_at + NO_FRAME_S:
                _tell(NO_FRAME, told)
    finally:
        console.close()
    return Stopped(*progress.failed(), True)


def _tell(hint: str, told: set[str]) -> None:
    if hint not in told:
        told.add(hint)
        print(f"  -> {hint}", file=sys.stderr, flush=True)


def _open(port: str, until: float) -> serial.Serial:
    while True:
        console = serial.Serial()
        console.port, console.baudrate, console.timeout = port, 115200, 0.2
        # on boards with a reset circuit these lines hold the chip in reset when asserted
        console.dtr = console.rts = False
        try:
            console.open()
        except (OSError, serial.SerialException) as why:
            if time.monotonic() > until:
                raise Refused(f"{port} cannot be opened: {why}") from None
            time.sleep(0.2)
            continue
        return console
