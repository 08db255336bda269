"""How much computing time the telegrams of one meter may take.

Decoding costs far more than checking a reading. A client that floods one meter with telegrams
must not delay the readings of the others.
"""

import time
from collections.abc import Callable

SHARE = 0.1  # of a core; a telegram each second takes a thousandth
BURST_S = 2.0  # a minute that comes at once takes a tenth of this


class DecodingBudget:
    """For one meter, and one thread at a time."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._left = BURST_S
        self._at = now()

    def is_spent(self) -> bool:
        """Whether the next telegram has to be refused."""
        now = self._now()
        self._left = min(BURST_S, self._left + (now - self._at) * SHARE)
        self._at = now
        return self._left <= 0

    def spend(self, seconds: float) -> None:
        """A telegram took so many seconds of this thread's CPU."""
        self._left -= seconds
