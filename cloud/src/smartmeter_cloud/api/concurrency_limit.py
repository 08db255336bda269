"""How many requests of one household, or of one key, are worked on at a time.

A request occupies one of a few threads. Without this, one caller could occupy all of them.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from smartmeter_cloud.api.problems import Problem

AT_A_TIME = 6  # as many as a browser sends to one server
WAITING_MAX = 100


@dataclass
class _Queue:
    """coming: requests that are worked on or wait."""

    turns: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_A_TIME))
    coming: int = 0


class ConcurrencyLimit:
    """In the event loop."""

    def __init__(self) -> None:
        self._queues: dict[object, _Queue] = {}

    @asynccontextmanager
    async def of(self, account: object) -> AsyncIterator[None]:
        """While a request of this account is worked on. Raises Problem if too many wait."""
        queue = self._queues.setdefault(account, _Queue())
        if queue.coming >= AT_A_TIME + WAITING_MAX:
            raise Problem(429, "too many requests at a time", {"Retry-After": "1"})
        queue.coming += 1
        try:
            async with queue.turns:
                yield
        finally:
            queue.coming -= 1
            if not queue.coming:
                self._queues.pop(account, None)
