"""Unexpected errors of this program that it survived: counted, the first of each logged."""

import logging
import threading
from collections import Counter

_log = logging.getLogger("smartmeter_service")


class UnexpectedErrors:
    """note() and counts() from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter()

    def note(self, where: str) -> None:
        """Count the exception that is being handled; log the first traceback of each place."""
        with self._lock:
            self._counts[where] += 1
            first = self._counts[where] == 1
        if first:
            _log.exception(
                "%s: an unexpected error of this program; it continues; please report it", where
            )

    def counts(self) -> dict[str, int]:
        """Place -> how many since the start."""
        with self._lock:
            return dict(self._counts)
