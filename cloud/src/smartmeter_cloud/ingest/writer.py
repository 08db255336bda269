"""The side of ingest that waits for the store: one batch at a time, and the heartbeats."""

import logging
import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from smartmeter_mqtt.session import Session
from smartmeter_mqtt.wakeup import Wakeup
from smartmeter_service.threads import VitalThread

from smartmeter_cloud.ingest.message import MessageBatch
from smartmeter_cloud.ingest.quota import Quota
from smartmeter_cloud.monitoring.observations import Process
from smartmeter_cloud.store.interface import Store, StoreUnavailable

BEAT_SECONDS = 5.0
RETRY_MIN, RETRY_MAX = 0.1, 5.0

_log = logging.getLogger("smartmeter_cloud.ingest.consumer")


@dataclass
class Job:
    """A batch, the packets it came in, and the session that these are to be acknowledged on."""

    batch: MessageBatch
    packet_ids: list[int]
    session: Session


class Writer:
    """A thread. While it writes one batch the next is gathered; there is never a third."""

    def __init__(
        self, store: Store, quota: Quota, state: Callable[[], Process], wakeup: Wakeup
    ) -> None:
        """wakeup: woken when a batch has been stored."""
        self._store = store
        self._quota = quota
        self._state = state
        self._stop = threading.Event()
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._done: queue.SimpleQueue[Job] = queue.SimpleQueue()
        self._thread = VitalThread("writer", self._run)
        self._store_ok = True
        self._wakeup = wakeup
        self.busy = False
        self.rate = 0.0  # readings a second, from one heartbeat to the next
        self.counts = dict.fromkeys(("stored", "repeated", "dead", "ignored", "refused"), 0)

    def start(self) -> None:
        self._thread.start()

    def submit(self, job: Job) -> None:
        """Only where it is not busy; it is until the job is one of finished()."""
        self.busy = True
        self._jobs.put(job)

    def finished(self) -> Job | None:
        """The batch that has been stored since the last call."""
        try:
            job = self._done.get_nowait()
        except queue.Empty:
            return None
        self.busy = False
        return job

    def beat(self) -> None:
        """Tells the store soon how this process is."""
        self._jobs.put(None)

    def stop(self, seconds: float) -> None:
        """Waits for what is being written, but not for a store that is away."""
        self._stop.set()
        self._jobs.put(None)
        if self._thread.is_alive():
            self._thread.join(seconds)

    def _run(self) -> None:
        next_beat = 0.0
        since, taken = time.monotonic(), 0
        while not self._stop.is_set():
            try:
                job = self._jobs.get(timeout=max(0.0, next_beat - time.monotonic()))
            except queue.Empty:
                job = None
            if job is not None and self._write(job.batch):
                self._done.put(job)
                self._wakeup.wake()
            if job is None or time.monotonic() >= next_beat:
                now = time.monotonic()
                next_beat = now + BEAT_SECONDS
                if now - since >= BEAT_SECONDS / 2:  # a beat out of turn says little
                    total = self.counts["stored"] + self.counts["repeated"]
                    self.rate = (total - taken) / (now - since)
                    since, taken = now, total
                try:
                    self._store.beat(self._state())
                except StoreUnavailable as e:
                    _log.debug("no heartbeat: %s", e)

    def _write(self, batch: MessageBatch) -> bool:
        """Stores it, however long the store is away; False where stop() came before that."""
        batch.over_quota = self._quota.over(batch)
        delay = RETRY_MIN
        while True:
            try:
                stored = self._store.write(batch)
                break
            except StoreUnavailable as e:
                if self._store_ok:
                    _log.error("nothing can be stored: %s; trying again until it can", e)
                    self._store_ok = False
            if self._stop.wait(delay):
                return False
            delay = min(delay * 2, RETRY_MAX)
        if not self._store_ok:
            _log.warning("the store is back")
            self._store_ok = True
        self._warn_once(batch)
        self.counts["stored"] += stored.new
        self.counts["repeated"] += stored.repeated
        self.counts["ignored"] += batch.ignored
        self.counts["dead"] += len(batch.unstorable)
        self.counts["refused"] += sum(map(len, batch.refused.values()))
        return True

    def _warn_once(self, batch: MessageBatch) -> None:
        """The first dead letter and the first refusal are logged; `status` tells the rest."""
        if batch.unstorable and not self.counts["dead"]:
            dead = batch.unstorable[0].letter
            _log.warning(
                "a message on %r cannot be stored (%s); it and all further ones are kept: see "
                "smartmeter-cloud dead-letters",
                dead.topic,
                dead.reason,
            )
        if batch.refused and not self.counts["refused"]:
            concentrator, refused = next(iter(batch.refused.items()))
            _log.warning(
                "messages of Concentrator %s are refused (%s); it keeps them: see "
                "smartmeter-cloud status",
                concentrator,
                refused[0].reason,
            )
