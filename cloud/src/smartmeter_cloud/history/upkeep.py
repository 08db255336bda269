"""Regular tasks: roll up new data, delete old data."""

import logging
import threading
import time

from smartmeter_service.threads import RestartedThread
from smartmeter_service.unexpected_errors import UnexpectedErrors

from smartmeter_cloud.config.settings import Retention
from smartmeter_cloud.store.interface import Store, StoreUnavailable
from smartmeter_cloud.store.slices import QUARTER_MS

OVER_SECONDS = 5.0  # completed slices, as late data changes them, wait no longer than this
GOING_ON_SECONDS = 60.0  # the current slice is computed again once a minute
FORGET_SECONDS = 3600.0
AT_A_TIME = 40  # slices in a transaction, so that ingest never waits long

_log = logging.getLogger("smartmeter_cloud.history.upkeep")


class Upkeep:
    """A thread beside ingest; any number of them may work on one store."""

    def __init__(self, store: Store, retention: Retention, faults: UnexpectedErrors) -> None:
        self._store = store
        self._retention = retention
        self._stop = threading.Event()
        self._thread = RestartedThread("upkeep", self._run, faults.note)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(3)

    def _run(self) -> None:
        going_on = forget = 0.0
        well = True
        while not self._stop.wait(OVER_SECONDS):
            now = time.monotonic()
            try:
                every = now >= going_on
                self._roll(every)
                if every:
                    going_on = now + GOING_ON_SECONDS
                    self._store.cluster(int(time.time() * 1000))
                if now >= forget:
                    self._forget()
                    forget = now + FORGET_SECONDS
                well = True
            except StoreUnavailable as e:
                if well:
                    _log.error("roll-up failed: %s; trying again", e)
                well = False

    def _roll(self, every: bool) -> None:
        now = int(time.time() * 1000)
        until = now + QUARTER_MS * 100 if every else now - QUARTER_MS
        while not self._stop.is_set() and self._store.roll(AT_A_TIME, until) == AT_A_TIME:
            self._stop.wait(0.01)  # let others write

    def _forget(self) -> None:
        gone = 0
        while not self._stop.is_set():
            some = self._store.forget(self._retention, int(time.time() * 1000))
            if not some:
                break
            gone += some
            self._stop.wait(0.05)
        if gone:
            _log.info("deleted %d rows that were older than the limit", gone)
