"""How long the queries of one request may take. They also end when its client goes.

The API sets a budget for a request. Without one, as in ingest and on the command line, a query
takes as long as it takes.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar


class QueryBudget:
    """For one request; from any thread."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._until = time.monotonic() + seconds
        self._cancelled = False
        self._lock = threading.Lock()
        self._interrupt: Callable[[], None] | None = None

    @property
    def left(self) -> float:
        """Seconds, 0 if the client is gone."""
        return 0.0 if self._cancelled else max(0.0, self._until - time.monotonic())

    def renew(self) -> None:
        """The client has received data: a long download is not a long query."""
        self._until = time.monotonic() + self._seconds

    def cancel(self) -> None:
        """The client is gone: end the query that runs, and all further ones."""
        with self._lock:
            self._cancelled = True
            if self._interrupt:
                self._interrupt()

    @contextmanager
    def running(self, interrupt: Callable[[], None]) -> Iterator[None]:
        """While queries run that interrupt() ends. Nothing is interrupted after that."""
        with self._lock:
            self._interrupt = interrupt
        try:
            yield
        finally:
            with self._lock:
                self._interrupt = None


current: ContextVar[QueryBudget | None] = ContextVar("current", default=None)
