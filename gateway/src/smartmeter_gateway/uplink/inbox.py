"""What other threads bring to the uplink: one queue of events, in the order of their arrival."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from queue import SimpleQueue

from smartmeter.wire import refusal
from smartmeter_mqtt.broker_link import Listener
from smartmeter_mqtt.session import Answer, Message, Session

from ..spool.database import Row

# Rows that wait in memory for the uplink. The rest of them is read from the spool, as backlog.
ROWS_MAX = 5000


@dataclass(frozen=True, slots=True)
class Connected:
    """The subscription stands: no receipt for what is published from here on is missed."""

    session: Session


@dataclass(frozen=True, slots=True)
class Disconnected:
    """The session has ended."""


@dataclass(frozen=True, slots=True)
class Answered:
    """The broker has acknowledged or refused what was published."""

    session: Session
    answers: list[Answer]


@dataclass(frozen=True, slots=True)
class Receipts:
    """The Cloud has stored messages."""

    session: Session
    payloads: list[bytes]


@dataclass(frozen=True, slots=True)
class Refusals:
    """The Cloud has not stored messages, and says why."""

    session: Session
    payloads: list[bytes]


@dataclass(frozen=True, slots=True)
class Stored:
    """The spool has committed rows; id 0: an adapter's newest status."""

    rows: list[Row]


@dataclass(frozen=True, slots=True)
class Skipped:
    """The spool has committed rows that were too many for memory; the id of the first."""

    first: int


@dataclass(frozen=True, slots=True)
class Forgotten:
    """The spool has deleted these rows."""

    ids: list[int]


@dataclass(frozen=True, slots=True)
class Released:
    """The spool gives rows back that the Cloud had refused."""


@dataclass(frozen=True, slots=True)
class Replaced:
    """The spool's file was damaged and a new one has begun: the rows so far are gone."""


@dataclass(frozen=True, slots=True)
class StatusDue:
    """This Concentrator's own status is to be published."""


Event = (
    Connected
    | Disconnected
    | Answered
    | Receipts
    | Refusals
    | Stored
    | Skipped
    | Forgotten
    | Released
    | Replaced
    | StatusDue
)


class Inbox(Listener):
    """Listens to the spool and to the connection. The uplink's thread calls wait() and take()."""

    def __init__(self, concentrator: str) -> None:
        self._refusals = refusal.topic(concentrator)
        self._events: SimpleQueue[Event] = SimpleQueue()
        self._wake = threading.Event()
        self._eager = False
        self._rows = 0
        self._counting = threading.Lock()

    # In the uplink's thread.

    def wait(self, timeout: float, eager: bool) -> None:
        """Wait up to `timeout` seconds for an event.

        A wake-up for each answer and receipt costs more than the rest. So they only wake an eager
        uplink, which needs them to continue.
        """
        self._eager = eager
        if not eager or self._events.empty():
            self._wake.wait(timeout)
        self._wake.clear()

    def take(self) -> Iterator[Event]:
        """The events that are there now."""
        for _ in range(self._events.qsize()):
            event = self._events.get()
            if isinstance(event, Stored):
                with self._counting:
                    self._rows -= len(event.rows)
            yield event

    # In any thread.

    def end(self) -> None:
        """Wake the uplink so that it ends."""
        self._wake.set()

    def status_due(self) -> None:
        """This Concentrator's own status has changed."""
        self._put(StatusDue())

    # In the link's thread.

    def connected(self, session: Session) -> None:
        self._put(Connected(session))

    def disconnected(self) -> None:
        self._put(Disconnected())

    def received(self, session: Session, messages: list[Message]) -> None:
        """Receipts and refusals stay in their order: a final refusal comes before its receipt."""
        is_refusal = [message.topic == self._refusals for message in messages]
        for kind, run in groupby(zip(is_refusal, messages, strict=True), key=itemgetter(0)):
            payloads = [message.payload for _, message in run]
            event = Refusals(session, payloads) if kind else Receipts(session, payloads)
            self._put(event, urgent=self._eager or kind)
        session.ack([message.packet_id for message in messages])

    def answered(self, session: Session, answers: list[Answer]) -> None:
        urgent = self._eager or any(answer.refused for answer in answers)
        self._put(Answered(session, answers), urgent)

    # In the spool's thread.

    def stored(self, rows: list[Row]) -> None:
        with self._counting:
            if self._rows + len(rows) > ROWS_MAX:
                first = min((row.id for row in rows if row.id), default=None)
                rows = [row for row in rows if not row.id]
            else:
                first = None
            self._rows += len(rows)
        self._put(Stored(rows))
        if first is not None:
            self._put(Skipped(first))

    def forgotten(self, ids: list[int]) -> None:
        self._put(Forgotten(ids), urgent=False)

    def released(self) -> None:
        self._put(Released())

    def replaced(self) -> None:
        self._put(Replaced())

    def _put(self, event: Event, urgent: bool = True) -> None:
        self._events.put(event)
        if urgent:
            self._wake.set()
