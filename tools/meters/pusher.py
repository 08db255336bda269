"""A meter that pushes into a port, telegram by telegram, while somebody listens."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TextIO

from .form import Form, Meter
from .line import Line


class Time:
    """The meter's time: the wall clock, or a faster one that starts at the wall clock's now."""

    def __init__(self, speed: float = 1.0) -> None:
        self.speed = speed
        self._began = time.monotonic()
        self._at = datetime.now(UTC)

    def now(self) -> datetime:
        return self._at + timedelta(seconds=(time.monotonic() - self._began) * self.speed)

    def monotonic(self, moment: datetime) -> float:
        """When time.monotonic() the meter's time will be at a moment."""
        return self._began + (moment - self._at).total_seconds() / self.speed


def bytes_per_second(form: Form, baud: int | None = None) -> float:
    """Characters a second: start bit, data bits, parity where there is one, stop bits."""
    bits = 1 + int(form.frame[0]) + (form.frame[1] != "N") + int(form.frame[2])
    return (baud or form.baud) / bits


def next_due(now: datetime, interval: float) -> datetime:
    """The next whole multiple of the interval."""
    seconds = now.timestamp()
    return datetime.fromtimestamp((seconds // interval + 1) * interval, UTC)


def note(truth_file: TextIO | None, truth: dict[str, object]) -> None:
    """Append one line of truth, at once, so that a reader of the file sees it whole."""
    if truth_file is not None:
        truth_file.write(json.dumps(truth, separators=(",", ":")) + "\n")
        truth_file.flush()


def push(
    meter: Meter,
    line: Line,
    clock: Time,
    interval: float,
    truth_file: TextIO | None,
    count: int | None,
    stopping: Callable[[], bool],
) -> None:
    """Push until stopped, or until `count` telegrams are sent completely."""
    pace = bytes_per_second(meter.form) * clock.speed
    sent = 0
    while count is None or sent < count:
        if not line.wait_open() or not line.sleep_until(
            clock.monotonic(next_due(clock.now(), interval))
        ):
            return
        if stopping() or not line.open():
            continue
        wire, truth = meter.telegram(clock.now())
        if line.send(wire, pace):
            note(truth_file, truth)
            sent += 1
