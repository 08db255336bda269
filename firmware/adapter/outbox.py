"""Readings that wait for the broker: at most 60 s of them, in RAM, oldest dropped first.

60 s is what the Austrian industry's rule for customer interfaces lets an adapter keep.
"""

import asyncio
import time

KEPT_MS = 60_000
_BYTES = 24 * 1024  # and no more than this of the heap


class Outbox:
    """What waits is (ticks_ms of arrival, reading) or, once it has a time, (ticks, payload)."""

    def __init__(self):
        self._waiting = []
        self._size = 0
        self.dropped = 0
        self.filled = asyncio.Event()

    def __len__(self):
        return len(self._waiting)

    def put(self, item, size):
        self._waiting.append((time.ticks_ms(), size, item))
        self._size += size
        self.trim()
        self.filled.set()

    def trim(self):
        """Drops, and counts, what has waited too long or no longer fits."""
        now = time.ticks_ms()
        waiting = self._waiting
        while waiting:
            arrived = waiting[0][0]
            if self._size <= _BYTES and time.ticks_diff(now, arrived) <= KEPT_MS:
                return
            self.done()
            self.dropped += 1

    def first(self):
        """(ticks of arrival, item) of the oldest, or None."""
        self.trim()
        if not self._waiting:
            self.filled.clear()
            return None
        arrived, _, item = self._waiting[0]
        return arrived, item

    def done(self):
        """The oldest has been published."""
        self._size -= self._waiting.pop(0)[1]
