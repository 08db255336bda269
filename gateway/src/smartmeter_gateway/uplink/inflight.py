"""What was published and has no receipt yet. No clock and no connection: both are told to it."""

from dataclasses import dataclass, field

from smartmeter.wire import receipt

RESEND_MAX_S = 60.0
MESSAGES_MAX = 5000  # without receipt; the rest waits on disk, and comes in arrays
BYTES_MAX = 32_000_000


@dataclass(slots=True)
class Sent:
    """A message under way. ids: the rows of the spool that it carries."""

    topic: str
    payload: bytes
    meter: str
    ids: list[int]
    at: float = 0.0
    mid: int = field(default=0)


class Window:
    """Messages under way, the one sent longest ago first.

    What has no receipt resend_s after it went out is sent again. While no receipts come at
    all, that is done to one message alone, as a probe, and then after twice the time, up to
    RESEND_MAX_S: a store that is away for a day must not find its broker full of copies.
    """

    def __init__(self, resend_s: float) -> None:
        self._resend_s = resend_s
        self._resend_max_s = max(RESEND_MAX_S, 2 * resend_s)
        self._sent: dict[bytes, Sent] = {}
        self._by_mid: dict[int, bytes] = {}
        self.bytes = 0
        self.interval = self._resend_s
        self._heard_at = -self._resend_max_s
        self._probe_at = 0.0

    def __len__(self) -> int:
        return len(self._sent)

    @property
    def unacknowledged(self) -> int:
        """Publishes for which the broker has given no PUBACK."""
        return len(self._by_mid)

    def has_room(self, share: float = 1.0) -> bool:
        """Whether one more may be sent, by one who may take up that share of the whole."""
        return len(self._sent) < MESSAGES_MAX * share and self.bytes < BYTES_MAX * share

    def add(self, sent: Sent) -> bytes:
        """A message is about to be published; its digest. The same bytes twice share one place."""
        digest = receipt.digest(sent.topic, sent.payload)
        before = self._sent.pop(digest, None)
        if before is not None:
            sent.ids = sorted({*before.ids, *sent.ids})
        else:
            self.bytes += len(sent.payload)
        self._sent[digest] = sent
        return digest

    def published(self, digest: bytes, mid: int, now: float) -> None:
        """It went out as packet `mid`."""
        sent = self._sent[digest]
        sent.at, sent.mid = now, mid
        self._by_mid[mid] = digest

    def acknowledged(self, mid: int) -> Sent | None:
        """The broker has it, which is no receipt; what it has, if that is still under way."""
        digest = self._by_mid.pop(mid, None)
        return None if digest is None else self._sent.get(digest)

    def refused(self, mid: int) -> Sent | None:
        """The broker does not take it: it is under way no longer."""
        digest = self._by_mid.pop(mid, None)
        return None if digest is None else self._remove(digest)

    def received(self, digest: bytes, now: float) -> list[int]:
        """A receipt came: the rows that are delivered by it; none where it is not ours."""
        sent = self._remove(digest)
        if sent is None:
            return []
        self.interval = self._resend_s
        self._heard_at = now
        return sent.ids

    def _remove(self, digest: bytes) -> Sent | None:
        sent = self._sent.pop(digest, None)
        if sent is not None:
            self.bytes -= len(sent.payload)
        return sent

    @property
    def silent(self) -> bool:
        """Whether receipts are overdue and none comes."""
        return self.interval > self._resend_s

    def next_due(self) -> float | None:
        """When overdue() will have something; None where nothing is under way."""
        oldest = next(iter(self._sent.values()), None)
        if oldest is None:
            return None
        due = oldest.at + self._resend_s
        lost_alone = due - self._heard_at < self._resend_s
        return due if lost_alone else max(due, self._probe_at)

    def overdue(self, now: float) -> Sent | None:
        """The message that waits longest, if it is to be sent again."""
        oldest = next(iter(self._sent.values()), None)
        if oldest is None or now - oldest.at < self._resend_s:
            return None
        if now - self._heard_at >= self._resend_s:
            if now < self._probe_at:
                return None
            self._probe_at = now + self.interval
            self.interval = min(self.interval * 2, self._resend_max_s)
        return oldest

    def clear(self) -> None:
        """The connection is gone: nothing is under way."""
        self._sent.clear()
        self._by_mid.clear()
        self.bytes = 0
        self.interval = self._resend_s
