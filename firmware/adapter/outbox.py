"""Messages that wait for the broker: at most 60 s of them, in RAM, oldest dropped first.

The Austrian industry's rule for customer interfaces lets an adapter keep 60 s. Acknowledged
messages are kept a little longer, while there is room. They are sent again after a reconnect, and
once again when the Concentrator has had time to reconnect, too. A broker loses what it acknowledged
if it dies before the delivery, or if it has no session yet for a listener. Duplicates are
recognised by (smartMeterId, time, seq) and stored once.
"""

import asyncio
import time

from smartmeter.wire import topics

from .clock import ticks

TYPE_CHECKING = False  # what follows is for mypy; a device has no typing
if TYPE_CHECKING:
    from smartmeter import Reading

    Message = tuple[int, str, bytes | Reading, int]

_KEPT_MS = 60_000
_SENT_MS = 80_000  # so that the second repetition contains a minute's outage, too
# No more than this of the heap, and no more than a quarter of what is free of it: the rest is for
# telegrams, which leave garbage, and for the modules of an update.
_BYTES_MAX = 24 * 1024
_BYTES_MIN = 4096  # until it is known; 60 s of a meter that sends every 5 s
_SENT_MAX = 8 * 1024  # of it for what was acknowledged: a minute at a reading every 3 s
_READING_BYTES = 2048  # of a Reading that waits for the time of day
# A `raw` telegram of a meter without a clock gets its time on arrival: repeated, it gets two times.
_REPEATED = (topics.READING, topics.CIPHERED)


class Outbox:
    """A message is (ticks of its arrival, specific topic, payload, channel of a sub-meter or 0).

    In the place of the payload stands a Reading where that has no time of its own.
    """

    def __init__(self) -> None:
        self._waiting: "list[Message]" = []
        self._sent: "list[Message]" = []
        self._again = 0  # index in _sent of the first one to send again
        self._bytes = _BYTES_MIN
        self._size = 0  # of all waiting messages
        self._sent_size = 0
        self.dropped = 0
        self.repeated = 0
        self.filled = asyncio.Event()

    def __len__(self) -> int:
        return len(self._waiting)

    def resize(self, free: int) -> None:
        """Sets its limits. free: bytes of heap that are free after a collection."""
        free += self._size + self._sent_size
        self._bytes = max(_BYTES_MIN, min(_BYTES_MAX, free // 4))

    def put(self, specific: str, item: "bytes | Reading", channel: int = 0) -> None:
        try:
            self._waiting.append((ticks(), specific, item, channel))
        except MemoryError:
            self._sent.clear()
            self._sent_size = self._again = 0
            self._bytes = _BYTES_MIN
            self.dropped += 1
        else:
            self._size += _size(item)
            self.filled.set()
        self.trim()

    def trim(self) -> None:
        """Drops and counts what has waited too long or no longer fits; sent messages first."""
        now = ticks()
        room = min(_SENT_MAX, self._bytes // 2, self._bytes - self._size)
        while self._sent and (self._sent_size > room or _age(now, self._sent[0]) > _SENT_MS):
            self._sent_size -= _size(self._sent.pop(0)[2])
            self._again = max(0, self._again - 1)
        while self._waiting and (
            self._size > self._bytes or _age(now, self._waiting[0]) > _KEPT_MS
        ):
            self._size -= _size(self._waiting.pop(0)[2])
            self.dropped += 1

    def first(self) -> "Message | None":
        """The message to send next, or None."""
        self.trim()
        if self._again < len(self._sent):
            return self._sent[self._again]
        if not self._waiting:
            self.filled.clear()
            return None
        return self._waiting[0]

    def done(self, payload: bytes) -> bool:
        """Notes that this first message was acknowledged. Whether it was a new one."""
        if self._again < len(self._sent):
            self._again += 1
            self.repeated += 1
            return False
        arrived, specific, item, channel = self._waiting.pop(0)
        self._size -= _size(item)
        if specific in _REPEATED:
            try:
                self._sent.append((arrived, specific, payload, channel))
            except MemoryError:
                return True  # it arrived; without memory it is not sent again
            self._sent_size += len(payload)
            self._again += 1
        return True

    def repeat(self) -> None:
        """Marks recently acknowledged messages to be sent again."""
        self._again = 0


def _age(now: int, message: "Message") -> int:
    return time.ticks_diff(now, message[0])


def _size(item: "bytes | Reading") -> int:
    return len(item) if isinstance(item, bytes) else _READING_BYTES
