"""Signs the broker's revocation list again before it expires."""

import logging
import threading

from smartmeter_service.threads import RestartedThread
from smartmeter_service.unexpected_errors import UnexpectedErrors

from smartmeter_cloud.pki.authority import AuthorityError
from smartmeter_cloud.pki.enrolment import Enrolment
from smartmeter_cloud.store.interface import StoreUnavailable

_EVERY_SECONDS = 3600.0

_log = logging.getLogger("smartmeter_cloud.pki.refresh")


class ListRefresh:
    """A thread that checks the age of crl.pem once an hour, from start() to stop()."""

    def __init__(self, enrolment: Enrolment, faults: UnexpectedErrors) -> None:
        self._enrolment = enrolment
        self._stop = threading.Event()
        self._thread = RestartedThread("revocation list", self._run, faults.note)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()

    def _run(self) -> None:
        while True:
            try:
                self._enrolment.refresh()
            except (AuthorityError, StoreUnavailable) as why:
                _log.error("the revocation list was not signed again: %s", why)
            if self._stop.wait(_EVERY_SECONDS):
                return
