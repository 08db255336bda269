"""The last resort of threads: no unexpected exception ends a thread silently.

Every thread of the Concentrator and the Cloud is one of these two.
tests/service/test_every_thread.py holds that.
"""

import logging
import os
import threading
import time
from collections.abc import Callable
from typing import NoReturn

PACE_S = 2.0  # between a fault and the next run, so that a lasting fault costs nearly no CPU
EXIT_STATUS = 70  # EX_SOFTWARE of sysexits(3); any status but 0 makes a supervisor restart us

_log = logging.getLogger("smartmeter_service")


class RestartedThread(threading.Thread):
    """A daemon thread that runs work, and runs it again after an unexpected exception.

    work must be able to begin from any state. It ends the thread by returning.
    report(name) is called while the exception is handled, so that it can log the traceback.
    With again=False the thread ends after a fault, for work that is done once.
    """

    def __init__(
        self,
        name: str,
        work: Callable[[], None],
        report: Callable[[str], None],
        *,
        again: bool = True,
    ) -> None:
        super().__init__(name=name, daemon=True)
        self._work = work
        self._report = report
        self._again = again

    def run(self) -> None:
        while True:
            try:
                return self._work()
            except Exception:
                self._report(self.name)
            if not self._again:
                return None
            time.sleep(PACE_S)


class VitalThread(threading.Thread):
    """A daemon thread whose unexpected exception ends the process with EXIT_STATUS.

    For work that cannot begin again in the middle. A supervisor (systemd, the container
    engine, Home Assistant) restarts the process; nothing acknowledged is lost by that.
    """

    def __init__(self, name: str, work: Callable[[], None]) -> None:
        super().__init__(name=name, daemon=True)
        self._work = work

    def run(self) -> None:
        try:
            self._work()
        except Exception:
            end_process(self.name)


def end_process(where: str) -> NoReturn:
    """Log the exception that is being handled and end the process at once."""
    _log.critical(
        "%s: an unexpected error of this program; it ends so that it can be restarted",
        where,
        exc_info=True,
    )
    os._exit(EXIT_STATUS)
