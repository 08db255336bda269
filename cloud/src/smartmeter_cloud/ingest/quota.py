"""Bounds how much one Concentrator, and one household, may send: two token buckets.

What is over a quota is refused and not lost: the Concentrator keeps it and sends it again later.
"""

import logging
import time
from collections import Counter
from collections.abc import Callable

from smartmeter.wire import refusal
from smartmeter_service.token_bucket import TokenBucket

from smartmeter_cloud.store.batch import Batch, Reason, Sender
from smartmeter_cloud.store.interface import Store, StoreUnavailable

# A Concentrator forwards 5 000 live readings a second. The burst holds the backlog of ten meters
# that send every second, after two days without the Cloud.
READINGS_PER_SECOND = 5_000
BURST = 2_000_000
_HOUSEHOLDS_SECONDS = 10.0  # for which it is remembered whose a Concentrator is
_NAMES_MAX = 20_000  # of buckets; who has not sent for a while needs none
_TEXT = "{} sends more than {} readings a second: send less, or ask its administrator"

_log = logging.getLogger("smartmeter_cloud.ingest.consumer")


class Quota:
    """Each message and each reading costs one token. For one thread."""

    def __init__(
        self,
        store: Store,
        rate: float = READINGS_PER_SECOND,
        burst: float = BURST,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """rate: tokens per second; burst: tokens that collect at most."""
        self._store = store
        self._rate = rate
        self._burst = burst
        self._now = now
        self._buckets: dict[str, TokenBucket] = {}  # by name
        self._households: dict[str, str] = {}
        self._asked: float | None = None

    def over(self, batch: Batch) -> dict[Sender, Reason]:
        """The senders of a batch whose messages are refused; the others have paid for theirs."""
        costs: Counter[str] = Counter()
        for (_, concentrator), _ in batch.messages:
            costs[concentrator] += 1
        for (_, concentrator), readings in batch.readings.items():
            costs[concentrator] += len(readings)
        households = self._households_at(self._now())
        refused: dict[str, Reason] = {}
        for concentrator, cost in costs.items():
            whose = {f"Concentrator {concentrator}": f"c {concentrator}"}
            if household := households.get(concentrator):
                whose["the household"] = f"h {household}"
            spent = next((w for w, name in whose.items() if self._bucket(name).tokens < cost), None)
            if spent is not None:
                reason = _TEXT.format(spent, round(self._rate))
                refused[concentrator] = Reason(reason, refusal.CONCENTRATOR)
                continue
            for name in whose.values():
                self._bucket(name).take(cost)
        if len(self._buckets) > _NAMES_MAX:
            self._buckets = {n: b for n, b in self._buckets.items() if not b.is_full}
        return {s: refused[s[1]] for s, _ in batch.messages if s[1] in refused}

    def _bucket(self, name: str) -> TokenBucket:
        if name not in self._buckets:
            self._buckets[name] = TokenBucket(self._rate, self._burst, self._now)
        return self._buckets[name]

    def _households_at(self, now: float) -> dict[str, str]:
        if self._asked is None or now - self._asked > _HOUSEHOLDS_SECONDS:
            self._asked = now
            try:
                self._households = self._store.concentrators()
            except StoreUnavailable as e:
                _log.debug("households are as before: %s", e)
        return self._households
