"""The thread that owns the spool: many messages a commit, and only then are they acknowledged."""

import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from smartmeter.wire import topics
from smartmeter_service.threads import VitalThread

from ..config.settings import SpoolSettings
from ..intake.replay_guard import Memory
from ..monitoring.registry import Status, log
from ..mqtt.client import Link
from .database import Row, Spool, SpoolError, is_corrupt, set_aside

# meter, specific topic, payload, packet id to acknowledge on the Link beside it (or b"", None)
Item = tuple[str, str, bytes, bytes, Link | None]
# As specific topics: nothing is kept, but its turn is; and what a meter's Memory has kept(), which
# must not be on disk before the readings that it follows: it would refuse them if they came again.
ONLY_ACKNOWLEDGE = ""
REMEMBER = "remember"
_NO_MESSAGES = (topics.STATUS, ONLY_ACKNOWLEDGE, REMEMBER)

GROUP_S = 0.05  # how long a message waits for others to share its commit: a sync costs 1 to 20 ms
# A broker that bounds what is unacknowledged usually allows 20 (mosquitto): so many wait no longer.
_GROUP_ENOUGH = 20
_GROUP_MAX = 5000  # messages a commit
_FORGET_ENOUGH = (
    10_000  # rows that the Cloud has; fewer go with the next commit, or within a second
)
_WAITING_MAX = 20_000  # messages that wait for the disk; then those who bring more wait
_WAITING_BYTES_MAX = 32_000_000
_RETRY_S = 1.0
_TICK_S = 1.0
_ROUND_S = 30.0
_DAY_S = 86_400


class Spooler:
    """put() and forget() from any thread; what is told back is told in the spool's thread.

    stored(rows): committed; forgotten(ids): gone; replaced(): the file was damaged, a new one
    has begun, and rows told of before are no more.
    """

    def __init__(self, settings: SpoolSettings, history: bool, status: Status) -> None:
        self._settings = settings
        self._history = history
        self._status = status
        self.stored: Callable[[list[Row]], None] = lambda rows: None
        self.forgotten: Callable[[list[int]], None] = lambda ids: None
        self.replaced: Callable[[], None] = lambda: None
        try:
            self._spool = self._open()
        except sqlite3.DatabaseError as why:
            self._spool = self._begin_anew(why)
        self._waiting: deque[Item] = deque()
        self._waiting_bytes = 0
        self._receipts: list[int] = []
        self._changed = threading.Condition()
        self._ending = False
        self._round_at = time.monotonic()
        self._thread = VitalThread("spool", self._run)
        self._figures = self._count()
        status.spool = lambda: self._figures

    def _open(self) -> Spool:
        s = self._settings
        return Spool(s.path, s.megabytes * 1_000_000, s.days * _DAY_S, self._history)

    def _begin_anew(self, why: sqlite3.DatabaseError) -> Spool:
        """Where the file is damaged: move it out of the way and take a new one."""
        path = self._settings.path
        if not is_corrupt(why):
            raise SpoolError(f"the spool {path} cannot be opened: {why}") from None
        aside = set_aside(path)
        self._status.alarm(
            "spool.corrupt", f"the spool {path} was damaged; it is kept as {aside.name}"
        )
        return self._open()

    def start(self) -> None:
        self._thread.start()

    def statuses(self) -> dict[str, bytes]:
        """meter -> newest status, as kept from before; to be asked before start()."""
        return self._spool.statuses()

    def memories(self) -> dict[str, Memory]:
        """meter -> what is known of its telegrams from before; to be asked before start()."""
        return {meter: Memory(kept) for meter, kept in self._spool.memories().items()}

    def put(self, items: list[Item]) -> None:
        """Take in messages; waits where too much already waits for the disk."""
        with self._changed:
            while not self._ending and (
                len(self._waiting) >= _WAITING_MAX or self._waiting_bytes > _WAITING_BYTES_MAX
            ):
                self._changed.wait(_TICK_S)
            before = len(self._waiting)
            self._waiting.extend(items)
            self._waiting_bytes += sum(len(item[2]) for item in items)
            if not before or before < _GROUP_ENOUGH <= len(self._waiting):
                self._changed.notify_all()

    def forget(self, ids: list[int]) -> None:
        """The Cloud has these rows: they may go."""
        with self._changed:
            self._receipts.extend(ids)
            if len(self._receipts) >= _FORGET_ENOUGH:
                self._changed.notify_all()

    def stop(self, timeout: float) -> None:
        """Commit what waits, and close."""
        with self._changed:
            self._ending = True
            self._changed.notify_all()
        self._thread.join(timeout)

    def is_alive(self) -> bool:
        """Whether the spool's thread has come round within the last half minute."""
        return time.monotonic() - self._round_at < _ROUND_S

    def _run(self) -> None:
        while True:
            self._round_at = time.monotonic()
            items, forget, ending = self._gather()
            if not self._commit(items, forget):
                break
            if ending and not items and not forget:
                break
        self._spool.close()

    def _gather(self) -> tuple[list[Item], list[int], bool]:
        with self._changed:
            if not self._waiting and len(self._receipts) < _FORGET_ENOUGH and not self._ending:
                self._changed.wait(_TICK_S)
            until = time.monotonic() + GROUP_S
            while 0 < len(self._waiting) < _GROUP_ENOUGH and not self._ending:
                left = until - time.monotonic()
                if left <= 0:
                    break
                self._changed.wait(left)
            items = [self._waiting.popleft() for _ in range(min(len(self._waiting), _GROUP_MAX))]
            self._waiting_bytes -= sum(len(item[2]) for item in items)
            forget, self._receipts = self._receipts, []
            self._changed.notify_all()
            return items, forget, self._ending

    def _commit(self, items: list[Item], forget: list[int]) -> bool:
        """Until it is done; False where the end has come and it cannot be done."""
        newest = {m: p for m, specific, p, *_ in items if specific == topics.STATUS}
        memories = {m: p for m, specific, p, *_ in items if specific == REMEMBER}
        messages = [(m, s, p) for m, s, p, *_ in items if s not in _NO_MESSAGES]
        while True:
            try:
                rows = self._spool.write(messages, forget, newest, time.time(), memories)
                break
            except sqlite3.DatabaseError as why:
                if self._ending:
                    log.error("%d messages came last and were not spooled: %s", len(items), why)
                    return False
                self._recover(why)
        self._status.alarm("spool.write", None)
        self._figures = self._count()
        if self._spool.dropped:
            self._status.alarm(
                "spool.dropped", "the spool was full: its oldest readings were dropped and counted"
            )
        acknowledge(items)
        rows.extend(Row(0, m, topics.STATUS, p) for m, p in newest.items())
        if rows:
            self.stored(rows)
        if forget:
            self.forgotten(forget)
        return True

    def _recover(self, why: sqlite3.DatabaseError) -> None:
        if is_corrupt(why):
            self._spool.close()
            self._spool = self._begin_anew(why)
            self.replaced()
            return
        # A full disk or an I/O error: nothing is acknowledged, and all goes on when there is room.
        self._status.alarm("spool.write", f"the spool cannot be written: {why}")
        time.sleep(_RETRY_S)
        self._round_at = time.monotonic()

    def _count(self) -> dict[str, Any]:
        spool = self._spool
        return {
            "rows": spool.rows,
            "bytes": spool.bytes,
            "oldest": spool.oldest,
            "dropped": spool.dropped,
        }


def acknowledge(items: list[Item]) -> None:
    """Tell the brokers that they need not keep these any longer."""
    acknowledged: dict[Link, list[bytes]] = {}
    for *_, packet_id, link in items:
        if link is not None:
            acknowledged.setdefault(link, []).append(packet_id)
    for link, ids in acknowledged.items():
        link.ack(ids)
