"""Stops what does not end: after two seconds of CPU time, where telegrams take microseconds."""

import signal
import time
from collections.abc import Callable
from types import FrameType
from typing import TypeVar

PATIENCE = 2.0  # seconds
Result = TypeVar("Result")


class Hang(BaseException):
    """Not an Exception, so that nothing under test catches it."""


def _ring(signum: int, frame: FrameType | None) -> None:
    raise Hang


class Watch:
    """watch(doer) gives (its result, the CPU seconds it took), or raises Hang.

    alarm False: for a caller who has an alarm of its own (pytest-timeout).
    """

    def __init__(self, alarm: bool = True) -> None:
        self._alarm = alarm
        if alarm:
            signal.signal(signal.SIGVTALRM, _ring)

    def __call__(self, doer: Callable[[], Result]) -> tuple[Result, float]:
        if self._alarm:
            signal.setitimer(signal.ITIMER_VIRTUAL, PATIENCE)
        begin = time.process_time()
        try:
            result = doer()
            return result, time.process_time() - begin
        finally:
            if self._alarm:
                signal.setitimer(signal.ITIMER_VIRTUAL, 0)
