"""Writes the spool in a thread: many messages in a commit, acknowledged after it."""

import sqlite3
import threading
import time
from typing import Protocol

from smartmeter.wire import topics
from smartmeter_service.threads import VitalThread

from ..config.settings import SpoolSettings
from ..monitoring.registry import Registry, SpoolFigures, log
from ..monitoring.states import States
from .batch import Batch
from .database import Refused, Released, Row, Spool, SpoolError, is_corrupt, set_aside

GROUP_S = 0.05  # how long a message waits for others to share its commit: a sync costs 1 to 20 ms
# So many do not wait: mosquitto by default allows 20 unacknowledged messages and sends no more.
_GROUP_ENOUGH = 20
# Rows that the Cloud has. Fewer are deleted with the next commit, or within a second.
_FORGET_ENOUGH = 10_000
# Messages that wait for the disk, while as many may be in the commit; then their sources wait.
_WAITING_MAX = 10_000
_WAITING_BYTES_MAX = 16_000_000
_RETRY_S = 1.0
_TICK_S = 1.0
_ROUND_S = 30.0
_DAY_S = 86_400


class Listener(Protocol):
    """A listener for what the spool has stored; called in the spool's thread."""

    def stored(self, rows: list[Row]) -> None:
        """They are committed. Row id 0: an adapter's newest status."""

    def forgotten(self, ids: list[int]) -> None:
        """These rows are deleted."""

    def released(self) -> None:
        """Rows that the Cloud has refused before are to be sent again."""

    def replaced(self) -> None:
        """The file was damaged and a new one has begun: the rows so far are gone."""


class SpoolWriter:
    """The thread that writes. put() and forget() may be called from any thread."""

    def __init__(
        self,
        settings: SpoolSettings,
        history: bool,
        registry: Registry,
        listener: Listener | None = None,
    ) -> None:
        """history: nobody fetches the rows, so they stay until they are too old."""
        self._settings = settings
        self._history = history
        self._registry = registry
        self._listener = listener
        try:
            self._spool = self._open()
        except sqlite3.DatabaseError as why:
            self._spool = self._start_over(why)
        self.states = States(registry, self._spool.states())
        self._waiting = Batch()
        self._waiting_bytes = 0
        self._receipts: list[int] = []
        self._marks: list[Refused | Released] = []
        self._to_forget: set[str] = set()
        self._changed = threading.Condition()
        self._ending = False
        self._round_at = time.monotonic()
        self._thread = VitalThread("spool", self._run)
        self._show_figures()

    def _open(self) -> Spool:
        s = self._settings
        return Spool(s.path, s.megabytes * 1_000_000, s.days * _DAY_S, self._history)

    def _start_over(self, why: sqlite3.DatabaseError) -> Spool:
        """Move a damaged file out of the way and begin a new one."""
        path = self._settings.path
        if not is_corrupt(why):
            raise SpoolError(f"the spool {path} cannot be opened: {why}") from None
        aside = set_aside(path)
        self._registry.alarm(
            "spool.corrupt", f"the spool {path} was damaged; it is kept as {aside.name}"
        )
        return self._open()

    def start(self) -> None:
        self._thread.start()

    def statuses(self) -> dict[str, bytes]:
        """meter -> its newest status, as kept before; call it before start()."""
        return self._spool.statuses()

    def replay_guards(self) -> dict[str, bytes]:
        """meter -> its replay guard, as kept before; call it before start()."""
        return self._spool.replay_guards()

    def to_forget(self) -> set[str]:
        """Meters that `smartmeter-gateway forget` has named since the last call."""
        with self._changed:
            named, self._to_forget = self._to_forget, set()
            return named

    def put(self, batch: Batch) -> None:
        """Take in messages; waits while too much already waits for the disk."""
        with self._changed:
            while not self._ending and (
                len(self._waiting) >= _WAITING_MAX or self._waiting_bytes > _WAITING_BYTES_MAX
            ):
                self._changed.wait(_TICK_S)
            before = len(self._waiting)
            self._waiting.add(batch)
            self._waiting_bytes += batch.size
            if not before or before < _GROUP_ENOUGH <= len(self._waiting):
                self._changed.notify_all()

    def forget(self, ids: list[int]) -> None:
        """The Cloud has these rows: delete them."""
        with self._changed:
            self._receipts.extend(ids)
            if len(self._receipts) >= _FORGET_ENOUGH:
                self._changed.notify_all()

    def refuse(self, ids: list[int]) -> None:
        """The Cloud refuses these rows: keep them apart."""
        with self._changed:
            last = self._marks[-1] if self._marks else None
            if isinstance(last, Refused):
                last.ids.extend(ids)
            else:
                self._marks.append(Refused(list(ids)))

    def release(self, meter: str) -> None:
        """The Cloud takes the refused rows of a meter, or of all meters where it is ""."""
        with self._changed:
            self._marks.append(Released(meter))

    def stop(self, timeout: float) -> None:
        """Commit what waits, and close."""
        with self._changed:
            self._ending = True
            self._changed.notify_all()
        self._thread.join(timeout)

    def is_alive(self) -> bool:
        """Whether the thread has made progress within the last half minute."""
        return time.monotonic() - self._round_at < _ROUND_S

    def _run(self) -> None:
        while True:
            self._round_at = time.monotonic()
            self._look_for_names()
            batch, forget, marks, ending = self._gather()
            if not self._commit(batch, forget, marks):
                break
            if ending and not (batch or forget or marks):
                break
        self._spool.close()

    def _look_for_names(self) -> None:
        named = self._spool.to_forget()
        if named:
            with self._changed:
                self._to_forget.update(named)
            self._registry.changed.set()

    def _gather(self) -> tuple[Batch, list[int], list[Refused | Released], bool]:
        with self._changed:
            if not self._waiting and len(self._receipts) < _FORGET_ENOUGH and not self._ending:
                self._changed.wait(_TICK_S)
            until = time.monotonic() + GROUP_S
            while 0 < len(self._waiting) < _GROUP_ENOUGH and not self._ending:
                left = until - time.monotonic()
                if left <= 0:
                    break
                self._changed.wait(left)
            batch, self._waiting, self._waiting_bytes = self._waiting, Batch(), 0
            forget, self._receipts = self._receipts, []
            marks, self._marks = self._marks, []
            self._changed.notify_all()
            return batch, forget, marks, self._ending

    def _commit(self, batch: Batch, forget: list[int], marks: list[Refused | Released]) -> bool:
        """Commit, however long it takes; False if we are to end and it cannot be done."""
        states = self.states.take(batch.rows, batch.statuses, batch.forgotten, time.time())
        while True:
            try:
                rows = self._spool.write(
                    batch.rows,
                    forget,
                    batch.statuses,
                    time.time(),
                    batch.replay_guards,
                    marks,
                    states,
                    batch.forgotten,
                )
                break
            except sqlite3.DatabaseError as why:
                if self._ending:
                    log.error("the last %d messages were not spooled: %s", len(batch), why)
                    return False
                self._recover(why)
                states = self.states.everything()  # the file may be a new one
        self._registry.alarm("spool.write", None)
        self.states.committed()
        self._show_figures()
        if self._spool.dropped > self._spool.refused_dropped:
            self._registry.alarm(
                "spool.dropped", "the spool was full: its oldest readings were dropped and counted"
            )
        if self._spool.refused_dropped:
            self._registry.alarm(
                "spool.refused",
                f"{self._spool.refused_dropped} messages that the Cloud had refused were dropped, "
                "because they may fill at most half of the spool",
            )
        batch.acknowledge()
        rows.extend(Row(0, meter, topics.STATUS, p) for meter, p in batch.statuses.items())
        if rows and self._listener:
            self._listener.stored(rows)
        if forget and self._listener:
            self._listener.forgotten(forget)
        if self._listener and any(isinstance(mark, Released) for mark in marks):
            self._listener.released()
        return True

    def _recover(self, why: sqlite3.DatabaseError) -> None:
        if is_corrupt(why):
            self._spool.close()
            self._spool = self._start_over(why)
            if self._listener:
                self._listener.replaced()
            return
        # A full disk or an I/O error: nothing is acknowledged until there is room again.
        self._registry.alarm("spool.write", f"the spool cannot be written: {why}")
        time.sleep(_RETRY_S)
        self._round_at = time.monotonic()

    def _show_figures(self) -> None:
        spool = self._spool
        self._registry.spooled(
            SpoolFigures(spool.rows, spool.bytes, spool.oldest, spool.dropped, spool.refused)
        )
