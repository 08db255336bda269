"""An address that sends wrong passwords has to wait, whatever it sends then."""

import threading
import time
from collections.abc import Callable

WRONG_MAX = 10  # in a minute, from one address
MINUTE = 60.0  # s
_ADDRESSES_MAX = 1000


class WrongPasswordLimit:
    """Threads may share one. People choose passwords, so the right one has to wait as well."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._wrong: dict[str, tuple[int, float]] = {}  # address -> how many, until when
        self._lock = threading.Lock()

    def must_wait(self, address: str) -> int:
        """The seconds until that address may try again; 0 if it may now."""
        with self._lock:
            many, until = self._wrong.get(address, (0, 0.0))
            left = until - self._clock()
            return int(left) + 1 if many >= WRONG_MAX and left > 0 else 0

    def wrong(self, address: str) -> None:
        """Counts a wrong password."""
        with self._lock:
            now = self._clock()
            many, until = self._wrong.pop(address, (0, 0.0))
            if until <= now:
                many = 0
            if len(self._wrong) >= _ADDRESSES_MAX:
                self._wrong.pop(next(iter(self._wrong)))
            self._wrong[address] = (many + 1, now + MINUTE)
