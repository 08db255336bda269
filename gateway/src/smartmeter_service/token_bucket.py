"""A token bucket: how much somebody may use in a time, with a burst after a pause."""

import time
from collections.abc import Callable


class TokenBucket:
    """For one thread at a time. It is full at first, and may run into debt."""

    def __init__(
        self, rate: float, burst: float, now: Callable[[], float] = time.monotonic
    ) -> None:
        """rate: tokens per second; burst: tokens that collect at most."""
        self._rate = rate
        self._burst = burst
        self._now = now
        self._tokens = burst
        self._at = now()

    @property
    def tokens(self) -> float:
        """What may be used now; 0 or less if it is spent."""
        now = self._now()
        self._tokens = min(self._burst, self._tokens + (now - self._at) * self._rate)
        self._at = now
        return self._tokens

    @property
    def is_full(self) -> bool:
        return self.tokens >= self._burst

    def take(self, amount: float) -> None:
        """Use tokens, or return them with a negative amount."""
        self._tokens = self.tokens - amount

    def debt_s(self) -> float:
        """The seconds until the debt is paid."""
        return max(0.0, -self.tokens / self._rate)
