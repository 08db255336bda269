"""Messages that wait for the broker: at most 60 s of them, in RAM, oldest dropped first.

60 s is what the Austrian industry's rule for customer interfaces lets an adapter keep.
"""

import asyncio
import time

from .clock import ticks

TYPE_CHECKING = False  # what follows is for mypy; a device has no typing
if TYPE_CHECKING:
    from smartmeter import Reading

KEPT_MS = 60_000
_BYTES = 24 * 1024  # and no more than this of the heap
_READING_BYTES = 2048  # of a Reading that waits for the time of day


class Outbox:
    """A message is (ticks of its arrival, specific topic, payload).

    In the place of the payload stands a Reading where that has no time of its own.
    """

    def __init__(self) -> None:
        self._waiting: "list[tuple[int, str, bytes | Reading]]" = []
        self._size = 0
        self.dropped = 0
        self.filled = asyncio.Event()

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, specific: str, item: "bytes | Reading") -> None:
        self._waiting.append((ticks(), specific, item))
        self._size += _size(item)
        self.trim()
        self.filled.set()

    def trim(self) -> None:
        """Drops, and counts, what has waited too long or no longer fits."""
        now = ticks()
        while self._waiting:
            if self._size <= _BYTES and time.ticks_diff(now, self._waiting[0][0]) <= KEPT_MS:
                return
            self.done()
            self.dropped += 1

    def first(self) -> "tuple[int, str, bytes | Reading] | None":
        """The oldest message, or None."""
        self.trim()
        if not self._waiting:
            self.filled.clear()
            return None
        return self._waiting[0]

    def done(self) -> None:
        """The oldest has been published."""
        self._size -= _size(self._waiting.pop(0)[2])


def _size(item: "bytes | Reading") -> int:
    return len(item) if isinstance(item, bytes) else _READING_BYTES
