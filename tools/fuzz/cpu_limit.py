"""Stops what does not finish: after two seconds of CPU time, while telegrams take microseconds."""

import signal
import time
from collections.abc import Callable
from types import FrameType
from typing import TypeVar

LIMIT_S = 2.0  # seconds
Result = TypeVar("Result")


class Hang(BaseException):
    """Not an Exception, so that the code under test does not catch it."""


class CpuLimit:
    """watch(doer) gives (its result, the CPU seconds it took), or raises Hang.

    alarm False: for a caller who has an alarm of its own (pytest-timeout).
    """

    def __init__(self, alarm: bool = True) -> None:
        self._alarm = alarm
        self._begin = 0.0
        if alarm:
            signal.signal(signal.SIGALRM, self._ring)

    def _ring(self, signum: int, frame: FrameType | None) -> None:
        """A busy machine makes anything slow, so that the time on the wall says nothing. An alarm
        of CPU time would say it at once, but makes process_time() count in ticks."""
        if time.process_time() - self._begin >= LIMIT_S:
            raise Hang
        signal.setitimer(signal.ITIMER_REAL, LIMIT_S)

    def __call__(self, doer: Callable[[], Result]) -> tuple[Result, float]:
        self._begin = time.process_time()
        if self._alarm:
            signal.setitimer(signal.ITIMER_REAL, LIMIT_S)
        try:
            result = doer()
            return result, time.process_time() - self._begin
        finally:
            if self._alarm:
                signal.setitimer(signal.ITIMER_REAL, 0)
