"""Forwards the spool to the Cloud: live readings first, and the backlog in arrays beside them.

A message stays in the spool until the Cloud's receipt for it; a broker's PUBACK does not mean
that it is stored. One thread owns all state; other threads reach it through its inbox.
"""

import json
import threading
import time
from collections import deque
from pathlib import Path

from smartmeter.wire import receipt, refusal, topics
from smartmeter.wire.refusal import Refusal
from smartmeter_mqtt import client_ids
from smartmeter_mqtt.broker_link import BrokerLink
from smartmeter_mqtt.reasons import reason
from smartmeter_mqtt.session import Answer, ConnectOptions, Session
from smartmeter_service.threads import RestartedThread

from ..config.settings import CloudSettings
from ..monitoring import document
from ..monitoring.registry import Registry
from ..spool.database import Reader, Row
from ..spool.writer import SpoolWriter
from .backoff import Backoff
from .batching import ARRAY_BYTES_MAX, Packed, pack
from .inbox import (
    Answered,
    Connected,
    Disconnected,
    Forgotten,
    Inbox,
    Receipts,
    Refusals,
    Released,
    Replaced,
    Skipped,
    StatusDue,
    Stored,
)
from .inflight import InFlight, Sent
from .withheld import ALL, Withheld

NAME = "cloud broker"
_IN_FLIGHT_MAX = 1000  # publishes without PUBACK: at 200 ms round trip still 5 000 a second
_LIVE_MAX = 5000  # rows that wait in memory to be published; more is backlog
_CHUNK_ROWS = 20_000  # read from the spool at once: with 1 000 meters, 20 readings an array
_CHUNK_BYTES = 8_000_000
_BACKLOG_SHARE = 0.5  # of what may be in flight; the rest is room for live readings
_OWN = ""  # this Concentrator, in place of a meter's id
_IDLE_S = 1.0
_REFUSED_WAITS = 6  # times resend_after, until one of the refused messages is sent again
_NEWS_S = 0.1  # how long answers and receipts may wait unread while messages are in flight
_OVERHEAD = 200  # bytes of a packet beside its payload: topic, header, properties


class Forwarder:
    """Publishes what the spool holds, from start() to stop()."""

    def __init__(
        self,
        settings: CloudSettings,
        concentrator: str,
        spool_path: Path,
        writer: SpoolWriter,
        inbox: Inbox,
        registry: Registry,
    ) -> None:
        """inbox: the one that listens to the spool writer."""
        self._concentrator = concentrator
        self._path = spool_path
        self._writer = writer
        self._inbox = inbox
        self._registry = registry
        self._statuses = writer.statuses()  # meter -> newest, all published at each connection
        self._offline = json.dumps({"state": "offline"}).encode()
        will = topics.concentrator_status(concentrator), self._offline
        self._broker = BrokerLink(
            NAME,
            settings,
            ConnectOptions(client_ids.of_concentrator(concentrator), will=will),
            refusal.every_answer(concentrator),
            inbox,
            registry,
        )
        self._ending = threading.Event()
        self._thread = RestartedThread("uplink", self._run, registry.own_fault)

        # What belongs to the thread.
        self._reader: Reader | None = None
        self._session: Session | None = None
        self._full = False  # something waits until answers or receipts make room
        self._in_flight = InFlight(settings.resend_after)
        self._live: deque[Row] = deque()
        self._packed: deque[Packed] = deque()
        self._held: set[int] = set()  # rows live, packed, in flight, or not yet deleted
        self._cursor: int | None = None  # after this id the spool may hold backlog
        self._backoff = Backoff()
        self._withheld = Withheld(_REFUSED_WAITS * settings.resend_after)
        self._pending: set[str] = set()  # meters whose status is to be published, and _OWN
        self._status_mids: dict[int, str] = {}

    def start(self) -> None:
        self._thread.start()
        self._broker.start()

    def stop(self, timeout: float) -> None:
        """Publish that we are offline, and end."""
        self._ending.set()
        self._inbox.end()
        self._thread.join(_IDLE_S)
        session = self._session
        if session is not None and not self._backoff.holds(_OWN, time.monotonic()):
            topic = topics.concentrator_status(self._concentrator)
            session.publish(topic, self._offline, retain=True)
        self._broker.stop(timeout)

    def publish_status(self) -> None:
        """Publish this Concentrator's status, if there is a connection."""
        self._inbox.status_due()

    # The thread.

    def _run(self) -> None:
        # After a fault it begins again here: what is not delivered is in the spool.
        self._close_reader()
        self._begin(self._session)
        self._withheld.expect(self._spool().refused_meters(), time.monotonic())
        while not self._ending.is_set():
            self._inbox.wait(self._wait_s(), eager=self._full)
            self._take_events()
            self._full = False
            while not self._ending.is_set() and self._send():
                self._take_events()
            silent = "the Cloud gives no receipts" if self._in_flight.silent else None
            self._registry.alarm("cloud.receipts", silent)
        self._close_reader()
        self._take_events()
        while self._session is not None and self._pending:  # what our ports said at the end
            self._send_status(self._session, self._pending.pop(), time.monotonic())

    def _wait_s(self) -> float:
        due = self._in_flight.next_due()
        return _IDLE_S if due is None else min(_NEWS_S, max(0.0, due - time.monotonic()))

    def _begin(self, session: Session | None) -> None:
        """A connection begins or ends: nothing is in flight, and all work is in the spool."""
        self._session = session
        self._in_flight.clear()
        self._withheld.lost(time.monotonic())
        self._live.clear()
        self._packed.clear()
        self._held.clear()
        self._cursor = 0
        self._status_mids.clear()
        self._pending = {_OWN, *self._statuses}

    def _take_events(self) -> None:
        for event in self._inbox.take():
            match event:
                case Connected():
                    self._begin(event.session)
                case Disconnected():
                    self._begin(None)
                case Answered():
                    if event.session is self._session:
                        for answer in event.answers:
                            self._take_answer(answer)
                case Receipts():
                    if event.session is self._session:
                        self._take_receipts(event.payloads)
                case Refusals():
                    if event.session is self._session:
                        self._take_refusals(event.payloads)
                case Stored():
                    self._take_stored(event.rows)
                case Skipped():
                    self._go_back_to(event.first)
                case Forgotten():
                    self._held.difference_update(event.ids)
                case Released():
                    self._cursor = 0
                case Replaced():
                    self._close_reader()
                    self._begin(self._session)
                case StatusDue():
                    self._pending.add(_OWN)

    def _take_stored(self, rows: list[Row]) -> None:
        for row in rows:
            if not row.id:
                self._statuses[row.meter] = row.payload
                self._pending.add(row.meter)
            elif self._session is None or row.id in self._held:
                continue  # a connection begins with the whole spool
            elif self._withheld.holds(row.meter):
                self._writer.refuse([row.id])
            elif len(self._live) >= _LIVE_MAX:
                self._go_back_to(row.id)
            else:
                self._held.add(row.id)
                self._live.append(row)

    def _go_back_to(self, id: int) -> None:
        """Read the spool from that row on, unless it is still ahead."""
        if self._cursor is None or id <= self._cursor:
            self._cursor = id - 1

    def _spool(self) -> Reader:
        self._reader = self._reader or Reader(self._path)
        return self._reader

    def _close_reader(self) -> None:
        if self._reader is not None:
            self._reader.close()
            self._reader = None

    def _take_receipts(self, payloads: list[bytes]) -> None:
        delivered: list[int] = []
        now = time.monotonic()
        for payload in payloads:
            try:
                digests = receipt.split(payload)
            except ValueError as why:
                self._registry.refuse("receipt", str(why), NAME)
                continue
            for digest in digests:
                sent = self._in_flight.received(digest, now)
                if sent is not None:
                    delivered.extend(sent.ids)
                    self._release(sent)
        if delivered:
            self._writer.forget(delivered)

    def _release(self, sent: Sent) -> None:
        """The Cloud has stored a message; what it had refused for the same reason may follow."""
        if self._withheld:
            key = self._withheld.accepted(sent.meter, sent.ids)
            if key is not None:
                self._writer.release(key)
                self._registry.alarm("cloud.withheld", self._withheld.summary)

    def _take_refusals(self, payloads: list[bytes]) -> None:
        now = time.monotonic()
        for payload in payloads:
            try:
                refused = refusal.decode(payload)
            except ValueError as e:
                self._registry.refuse("refusal", str(e), NAME)
                continue
            meter = self._in_flight.meter_of(refused.digest)
            origin = "" if meter else "this Concentrator"
            if refused.final:  # the Cloud keeps it as a dead letter, and sends a receipt
                why = f"{refused.reason} (dead letter {refused.digest.hex()} in the Cloud)"
                self._registry.refuse("dead letter", why, origin, meter=meter or "")
                continue
            self._registry.refuse("cloud", refused.reason, origin, meter=meter or "")
            sent = self._in_flight.received(refused.digest, now)
            if sent is not None:  # a status has no place in the spool: the next one is sent anyway
                self._withhold(sent, refused, now)

    def _withhold(self, sent: Sent, refused: Refusal, now: float) -> None:
        """A message was refused: keep it, and let it hold up nothing else."""
        alone = refused.scope == refusal.MESSAGE
        if alone and len(sent.ids) > 1:
            # One reading of an array is wrong: each goes by itself now, so that it is found.
            rows = self._spool().by_ids(sent.ids)
            ones = [Packed(r.meter, r.specific, r.payload, [r.id]) for r in rows]
            self._packed.extendleft(reversed(ones))
            return
        key = ALL if refused.scope == refusal.CONCENTRATOR else sent.meter
        if self._withheld.refuse(key, refused.reason, sent.ids, not alone, now):
            self._writer.release(key)
        self._held.difference_update(sent.ids)
        self._writer.refuse(sent.ids)
        self._registry.alarm("cloud.withheld", self._withheld.summary)

    def _probe(self, session: Session, key: str, now: float) -> None:
        """Send the oldest of the refused messages again."""
        row = self._spool().first_refused(key)
        if row is None:  # dropped meanwhile
            self._withheld.forget(key)
            self._registry.alarm("cloud.withheld", self._withheld.summary)
            return
        self._withheld.probing(key, row.id)
        topic = topics.uplink(self._concentrator, row.meter, row.specific)
        self._publish_if_it_fits(session, Sent(topic, row.payload, row.meter, [row.id]), now)

    def _take_answer(self, answer: Answer) -> None:
        """The broker accepted or refused a message; a refused meter waits, the others go on."""
        own = self._status_mids.pop(answer.packet_id, None)
        if not answer.refused:
            sent = self._in_flight.acknowledged(answer.packet_id)
            if self._backoff:
                self._accepted(sent.meter if sent else own)
            return
        sent = self._in_flight.refused(answer.packet_id)
        if sent is not None:
            self._held.difference_update(sent.ids)
        key = sent.meter if sent else own
        if key is None:
            return
        self._backoff.refuse(key, time.monotonic())
        whose = f"meter {key}" if key else "this Concentrator's status"
        self._registry.alarm(
            "cloud.refused", f"the {NAME} refuses messages of {whose}: {reason(answer.code)}"
        )

    def _accepted(self, key: str | None) -> None:
        if key is not None:
            self._backoff.accepted(key)
        if not self._backoff:
            self._registry.alarm("cloud.refused", None)

    def _send(self) -> bool:
        """Publish the most urgent message; False if there is none or no room for it."""
        session = self._session
        now = time.monotonic()
        if session is None:
            return False
        most = min(session.receive_maximum, _IN_FLIGHT_MAX)
        free = most - self._in_flight.unacknowledged
        if free <= 0:
            self._full = True
            return False
        if over := self._backoff.over(now):
            self._pending.update(key for key in over if key in self._statuses or not key)
            self._cursor = 0
        if self._pending:
            self._send_status(session, self._pending.pop(), now)
            return True
        if sent := self._in_flight.overdue(now):
            self._publish(session, sent, now)
            return True
        key = self._withheld.due(now) if self._withheld else None
        if key is not None:
            self._probe(session, key, now)
            return True
        if self._live and self._in_flight.has_room():
            row = self._live.popleft()
            self._send_packed(session, Packed(row.meter, row.specific, row.payload, [row.id]), now)
            return True
        if not self._in_flight.has_room(_BACKLOG_SHARE) or free < most * _BACKLOG_SHARE:
            self._full = bool(self._live or self._packed or self._cursor is not None)
            return False
        if self._packed:
            self._send_packed(session, self._packed.popleft(), now)
            return True
        return self._read_backlog(session, now)

    def _send_packed(self, session: Session, packed: Packed, now: float) -> None:
        if self._backoff.holds(packed.meter, now):
            self._held.difference_update(packed.ids)
            return
        if self._withheld.holds(packed.meter):
            self._held.difference_update(packed.ids)
            self._writer.refuse(packed.ids)
            return
        topic = topics.uplink(self._concentrator, packed.meter, packed.specific)
        sent = Sent(topic, packed.payload, packed.meter, packed.ids)
        self._publish_if_it_fits(session, sent, now)

    def _publish_if_it_fits(self, session: Session, sent: Sent, now: float) -> None:
        """A broker ends the connection at a packet that is too long, so it is never sent one."""
        limit = session.packet_maximum
        size = len(sent.payload) + _OVERHEAD
        if limit is None or size <= limit:
            self._publish(session, sent, now)
            return
        why = f"a message needs {size} bytes, and the broker takes {limit}: raise max_packet_size"
        self._registry.refuse("cloud", why, meter=sent.meter)
        digest = receipt.digest(sent.topic, sent.payload)
        self._withhold(sent, Refusal(digest, why, final=False), now)

    def _read_backlog(self, session: Session, now: float) -> bool:
        """Pack the next part of the spool; False if there was none."""
        if self._cursor is None:
            return False
        rows = self._spool().after(self._cursor, _CHUNK_ROWS, _CHUNK_BYTES)
        self._cursor = rows[-1].id if rows else None
        rows = [r for r in rows if r.id not in self._held and not self._backoff.holds(r.meter, now)]
        if refused := [r.id for r in rows if self._withheld.holds(r.meter)]:
            self._writer.refuse(refused)
            rows = [r for r in rows if not self._withheld.holds(r.meter)]
        limit = min(ARRAY_BYTES_MAX, (session.packet_maximum or ARRAY_BYTES_MAX) - _OVERHEAD)
        for packed in pack(rows, limit):
            self._held.update(packed.ids)
            self._packed.append(packed)
        return self._cursor is not None

    def _publish(self, session: Session, sent: Sent, now: float) -> None:
        digest = self._in_flight.add(sent)
        self._in_flight.published(digest, session.publish(sent.topic, sent.payload), now)

    def _send_status(self, session: Session, key: str, now: float) -> None:
        if self._backoff.holds(key, now):
            return
        if key == _OWN:
            topic = topics.concentrator_status(self._concentrator)
            payload = json.dumps(document.published(self._registry)).encode()
        else:
            topic = topics.uplink(self._concentrator, key, topics.STATUS)
            payload = self._statuses.get(key, b"")
        self._status_mids[session.publish(topic, payload, retain=True)] = key
