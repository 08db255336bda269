"""What one meter may use in a time: readings, or seconds of computing time.

A client that floods one meter must not delay the readings of the others, or fill the spool.
"""

import time
from collections.abc import Callable


class Allowance:
    """A token bucket, for one thread at a time."""

    def __init__(
        self, per_second: float, burst: float, now: Callable[[], float] = time.monotonic
    ) -> None:
        """burst: what may be used at once after a pause."""
        self._per_second = per_second
        self._burst = burst
        self._now = now
        self._left = burst
        self._at = now()

    def is_spent(self) -> bool:
        """Whether the next use has to be refused."""
        now = self._now()
        self._left = min(self._burst, self._left + (now - self._at) * self._per_second)
        self._at = now
        return self._left <= 0

    def spend(self, amount: float) -> None:
        """So much has been used."""
        self._left -= amount
