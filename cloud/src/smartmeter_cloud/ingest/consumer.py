"""From the broker into the store: one thread reads, receipts and acknowledges, one commits.

Messages that arrive while a batch is written become the next batch. So one message waits for one
commit, and a thousand wait for one as well. If a store is slow or down, messages wait here unparsed
up to a limit, and beyond it in the broker. Receipts are sent before acknowledgements, on the same
connection. If something breaks in between, the broker or the Concentrator sends again, and the
store ignores what it has.
"""

import json
import logging
import random
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from smartmeter.wire import refusal, topics
from smartmeter_mqtt.session import (
    MQTT5,
    Answer,
    ConnectOptions,
    Message,
    Refused,
    Session,
    SessionError,
    connect,
)
from smartmeter_mqtt.wakeup import Wakeup
from smartmeter_service.tls import tls_context
from smartmeter_service.unexpected_errors import UnexpectedErrors

from smartmeter_cloud.config.settings import IngestSettings
from smartmeter_cloud.ingest.message import MessageBatch
from smartmeter_cloud.ingest.quota import Quota
from smartmeter_cloud.ingest.writer import Job, Writer
from smartmeter_cloud.monitoring.observations import Process
from smartmeter_cloud.store.interface import Store, StoreUnavailable

WAIT_SECONDS = 0.5  # for a message, before looking whether to stop
STOP_SECONDS = 3.0  # for the store, at the end
GATHER_MAX = 5000  # readings of a batch; no more are parsed beside the batch that is written
# Payload that waits to be parsed. It is read although the store is away, because PINGRESP comes
# behind it. Beyond the bound nothing is read: the broker gives the connection up after a while,
# and later sends again what was not acknowledged.
HELD_BYTES = 16_000_000
RECEIVE_MAXIMUM = 2000  # messages in flight to us at a time
SESSION_SECONDS = 3600  # the broker keeps what we missed for as long, if it is able to
RECEIPTS_IN_A_MESSAGE = 4096  # 64 kB
RETRY_MIN, RETRY_MAX = 1.0, 30.0
# The thread that stores waits for the database tens of times a batch, and each time at the most
# this long (Python's own 5 ms) for its turn beside the one that decodes: a fifth more a second.
SWITCH_SECONDS = 0.0005
# Two with one client id throw each other out; mosquitto 2.0.11 ends a connection after it refused
# a message. Neither says why in time.
SHORT_SECONDS, SHORT_MANY = 10.0, 3

_log = logging.getLogger("smartmeter_cloud.ingest.consumer")


class CannotGoOn(Exception):
    """Why ingest ends: a sentence for a person."""


class Ingest:
    """run() until stop(). The store is this object's to write; others may read it."""

    def __init__(
        self,
        settings: IngestSettings,
        store: Store,
        faults: UnexpectedErrors,
        now: Callable[[], float] = time.time,
        quota: Quota | None = None,
    ) -> None:
        self._settings = settings
        self._store = store
        self._faults = faults
        self._now = now
        self._stop = threading.Event()
        self._started = self._ms()
        self._link: tuple[bool, str] = (False, "not connected yet")
        self._link_since = self._started
        self._wakeup = Wakeup()
        self._writer = Writer(store, quota or Quota(store), self._process, self._wakeup)
        self._waiting: deque[tuple[int, list[Message]]] = deque()  # when they came, ms; messages
        self._held = 0  # bytes of payload in _waiting
        self._messages = 0
        self._refused_receipts = 0
        # By older access rules a broker refuses refusals, and mosquitto 2.0.11 then hangs up.
        # Receipts must go on, so none are sent after several connections ended with one in flight.
        self._refusals_in_flight: set[int] = set()
        self._ended_by_refusals = 0  # in a row
        self._short = 0  # connections in a row that did not last

    def stop(self) -> None:
        self._stop.set()
        self._wakeup.wake()

    def state(self) -> dict[str, Any]:
        """The broker's connection, and counts since the start; from any thread."""
        connected, text = self._link
        return {
            "broker": {"connected": connected, "detail": text, "since": self._link_since},
            "receiptsRefused": self._refused_receipts,
            "refusalsRefused": self._ended_by_refusals >= SHORT_MANY,
            "messages": self._messages,
            "rate": round(self._writer.rate, 1),
            "faults": self._faults.counts(),
            **self._writer.counts,
        }

    def run(self) -> None:
        """Until stop(). Raises CannotGoOn."""
        settings = self._settings
        try:
            if settings.tls:
                tls_context(settings.ca, settings.certificate, settings.key)
        except (OSError, ValueError) as e:
            raise CannotGoOn(
                f"broker.ca, broker.certificate or broker.key cannot be used: {e}"
            ) from None
        options = ConnectOptions(
            settings.client_id, 0 if settings.group else SESSION_SECONDS, RECEIVE_MAXIMUM
        )
        sys.setswitchinterval(SWITCH_SECONDS)
        failures = 0
        self._writer.start()
        try:
            while not self._stop.is_set():
                try:
                    session = connect(settings, options, self._wakeup, self._stop)
                except SessionError as e:
                    self._lost(str(e))
                else:
                    try:
                        if self._serve(session):
                            failures = 0
                    finally:
                        session.close()
                        self._note_end()
                if not self._stop.is_set():
                    self._pause(min(RETRY_MAX, RETRY_MIN * 2**failures))
                    failures = min(failures + 1, 5)
        finally:
            self._writer.stop(STOP_SECONDS)
            self._wakeup.close()
        try:
            self._store.beat(self._process(ending=True))
        except StoreUnavailable as e:
            _log.debug("no last heartbeat: %s", e)

    def _serve(self, session: Session) -> bool:
        """Works until the session ends or stop() is called; whether it did for a while."""
        began = None
        self._waiting.clear()  # of the session before: it comes again
        self._held = 0
        try:
            session.subscribe(self._filter())
            gathered = Job(MessageBatch(), [], session)
            while not self._stop.is_set():
                if began is None and session.subscribed:
                    self._found(session)
                    began = time.monotonic()
                self._answer(session)
                self._gather(gathered)
                if gathered.packet_ids and not self._writer.busy:
                    self._writer.submit(gathered)
                    gathered = Job(MessageBatch(), [], session)
                    self._gather(gathered)
                self._turn(session, WAIT_SECONDS, reading=self._held < HELD_BYTES)
            self._writer.stop(STOP_SECONDS)
            self._answer(session)
        except SessionError as e:
            if isinstance(e, Refused) and e.taken_over:
                raise CannotGoOn(
                    f'another ingest uses the client id "{self._settings.client_id}"; '
                    "give each its own (broker.client_id)"
                ) from None
            is_short = began is not None and time.monotonic() - began < SHORT_SECONDS
            if is_short and not isinstance(e, Refused):
                self._short += 1
                self._lost(self._why_short() if self._short >= SHORT_MANY else str(e))
                return False
            self._lost(str(e))
        self._short = 0
        return began is not None

    def _filter(self) -> str:
        group = self._settings.group
        return f"$share/{group}/{topics.ALL_CONCENTRATORS}" if group else topics.ALL_CONCENTRATORS

    def _turn(self, session: Session, timeout: float, reading: bool = True) -> None:
        messages, answers = session.turn(timeout, reading=reading)
        if messages:
            self._waiting.append((self._ms(), messages))
            self._held += sum(len(message.payload) for message in messages)
        self._note_refused(answers)

    def _gather(self, job: Job) -> None:
        """Parse what waits, up to the size of a batch."""
        batch, packet_ids = job.batch, job.packet_ids
        while self._waiting and batch.size < GATHER_MAX and len(packet_ids) < GATHER_MAX:
            received, messages = self._waiting.popleft()
            for message in messages:
                batch.add(message.topic, message.payload, received, message.retained)
                packet_ids.append(message.packet_id)
                self._held -= len(message.payload)

    def _answer(self, session: Session) -> None:
        """Receipts and acknowledges what has been stored since."""
        job = self._writer.finished()
        if job is None:
            return
        # A final refusal goes before its receipt, which lets the Concentrator forget the message.
        if self._ended_by_refusals < SHORT_MANY:
            for concentrator, refusals in job.batch.refusals.items():
                topic = refusal.topic(concentrator)
                for one in refusals:
                    self._refusals_in_flight.add(self._publish(session, topic, refusal.encode(one)))
        for concentrator, digests in job.batch.receipts.items():
            topic = topics.receipts(concentrator)
            for i in range(0, len(digests), RECEIPTS_IN_A_MESSAGE):
                self._publish(session, topic, b"".join(digests[i : i + RECEIPTS_IN_A_MESSAGE]))
        if job.session is session:
            session.ack(job.packet_ids)
        self._messages += len(job.packet_ids)

    def _publish(self, session: Session, topic: str, payload: bytes) -> int:
        """Publish when there is room for it; the packet id."""
        while session.unacknowledged >= session.receive_maximum:
            self._turn(session, 1.0)
        return session.publish(topic, payload)

    def _note_refused(self, answers: list[Answer]) -> None:
        for answer in answers:
            if answer.packet_id in self._refusals_in_flight:
                self._refusals_in_flight.remove(answer.packet_id)
                if answer.refused:
                    self._give_up_refusals()
                else:
                    self._ended_by_refusals = 0
            elif answer.refused:
                if not self._refused_receipts:
                    _log.error(
                        "the broker refuses our receipts: allow this user to write cloud/+/receipts"
                    )
                self._refused_receipts += 1

    def _note_end(self) -> None:
        """The session has ended, perhaps because the broker does not let us write refusals."""
        if self._refusals_in_flight:
            self._refusals_in_flight.clear()
            self._ended_by_refusals += 1
            if self._ended_by_refusals == SHORT_MANY:
                self._give_up_refusals()

    def _give_up_refusals(self) -> None:
        self._ended_by_refusals = SHORT_MANY
        _log.error(
            "the broker refuses our refusals, so no more are sent: allow this user to write "
            "cloud/+/refusals, then restart ingest"
        )

    def _found(self, session: Session) -> None:
        if not self._link[0]:
            version = "5" if session.version == MQTT5 else "3.1.1"
            text = f"{self._settings.host}:{self._settings.port}, MQTT {version}"
            _log.info("connected to the broker %s", text)
            self._link, self._link_since = (True, text), self._ms()
            self._writer.beat()

    def _why_short(self) -> str:
        return (
            "it ends each connection soon after it began: either another ingest uses the client "
            f'id "{self._settings.client_id}" too (broker.client_id), or the access list does not '
            "allow this user to write cloud/+/receipts"
        )

    def _lost(self, reason: str) -> None:
        if self._link[0] or self._link[1] != reason:
            _log.warning(
                "the broker %s:%d cannot be used: %s",
                self._settings.host,
                self._settings.port,
                reason,
            )
            if self._link[0] or self._link_since == self._started:
                self._link_since = self._ms()
            self._link = (False, reason)
            self._writer.beat()

    def _pause(self, seconds: float) -> None:
        """Half to all of that time, so that many do not come back at one instant."""
        self._stop.wait(seconds * random.uniform(0.5, 1.0))  # noqa: S311

    def _process(self, ending: bool = False) -> Process:
        state = {"state": "ended" if ending else "online"} | self.state()
        name = f"ingest {self._settings.client_id}"
        return Process(name, self._started, self._ms(), json.dumps(state))

    def _ms(self) -> int:
        return int(self._now() * 1000)
