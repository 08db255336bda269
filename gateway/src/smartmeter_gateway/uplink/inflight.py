"""Messages that were published and have no receipt yet. It needs no clock and no connection."""

from dataclasses import dataclass, field

from smartmeter.wire import receipt

RESEND_MAX_S = 60.0
MESSAGES_MAX = 5000  # without a receipt; the rest waits on disk and goes in arrays
BYTES_MAX = 32_000_000


@dataclass(slots=True)
class Sent:
    """A message in flight. ids: the rows of the spool that it carries; mid: its packet id."""

    topic: str
    payload: bytes
    meter: str
    ids: list[int]
    at: float = 0.0
    mid: int = field(default=0)


class InFlight:
    """Messages in flight, the oldest first.

    A message without a receipt is sent again after resend_s. While no receipts come at all,
    only one message is sent again, as a probe, each time after twice the wait, up to RESEND_MAX_S.
    Otherwise a store that is away for a day would find its broker full of copies.
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
        """Whether one more may be sent, if its kind may use that share of the whole."""
        return len(self._sent) < MESSAGES_MAX * share and self.bytes < BYTES_MAX * share

    def add(self, sent: Sent) -> bytes:
        """A message is about to be published; returns its digest. Equal messages share a place."""
        digest = receipt.digest(sent.topic, sent.payload)
        before = self._sent.pop(digest, None)
        if before is not None:
            sent.ids = sorted({*before.ids, *sent.ids})
        else:
            self.bytes += len(sent.payload)
        self._sent[digest] = sent
        return digest

    def published(self, digest: bytes, mid: int, now: float) -> None:
        """The message was sent as packet `mid`."""
        sent = self._sent[digest]
        sent.at, sent.mid = now, mid
        self._by_mid[mid] = digest

    def acknowledged(self, mid: int) -> Sent | None:
        """The broker has accepted a message; returns it if it still waits for its receipt."""
        digest = self._by_mid.pop(mid, None)
        return None if digest is None else self._sent.get(digest)

    def refused(self, mid: int) -> Sent | None:
        """The broker has refused a message; returns it, no longer in flight."""
        digest = self._by_mid.pop(mid, None)
        return None if digest is None else self._remove(digest)

    def received(self, digest: bytes, now: float) -> Sent | None:
        """The Cloud has answered a message; returns it, no longer in flight, if it is ours."""
        sent = self._remove(digest)
        if sent is not None:
            self.interval = self._resend_s
            self._heard_at = now
        return sent

    def meter_of(self, digest: bytes) -> str | None:
        """The meter whose message has that digest; None if it is not in flight."""
        sent = self._sent.get(digest)
        return sent.meter if sent else None

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
        """When overdue() will return a message; None if nothing is in flight."""
        oldest = next(iter(self._sent.values()), None)
        if oldest is None:
            return None
        due = oldest.at + self._resend_s
        lost_alone = due - self._heard_at < self._resend_s
        return due if lost_alone else max(due, self._probe_at)

    def overdue(self, now: float) -> Sent | None:
        """The message that has waited longest, if it must be sent again."""
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
        """The connection is gone: nothing is in flight."""
        self._sent.clear()
        self._by_mid.clear()
        self.bytes = 0
        self.interval = self._resend_s
