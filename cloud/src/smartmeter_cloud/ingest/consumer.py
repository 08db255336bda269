"""From the broker into the store: one thread reads, receipts and acknowledges, one commits.

What has come while the last batch was written is the next batch, so one message waits for one
commit and a thousand wait for one as well. A store that is slow or away stops the reading: what
waits then waits in the broker. Receipts go before acknowledgements, on the same connection:
whatever breaks in between, the broker or the Concentrator sends again, and the store ignores
what it has.
"""

import json
import logging
import random
import ssl
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

from smartmeter.wire import topics
from smartmeter_mqtt import codec
from smartmeter_mqtt.codec import ProtocolError
from smartmeter_mqtt.reasons import SESSION_TAKEN_OVER, WRONG_VERSION
from smartmeter_service.faults import Faults

from smartmeter_cloud.config.settings import BrokerSettings
from smartmeter_cloud.ingest.message import MessageBatch
from smartmeter_cloud.ingest.mqtt_connection import Connection, NoAnswer, Refused
from smartmeter_cloud.ingest.writer import Job, Writer
from smartmeter_cloud.monitoring.observations import Process
from smartmeter_cloud.store.interface import Store, StoreUnavailable

WAIT_SECONDS = 0.5  # for a message, before looking whether to stop
STOP_SECONDS = 3.0  # for the store, when told to end
GATHER_MAX = 5000  # readings of a batch; no more are held beside the batch that is written
RECEIPTS_IN_A_MESSAGE = 4096  # 64 kB
RETRY_MIN, RETRY_MAX = 1.0, 30.0
# The thread that stores waits for the database tens of times a batch, and each time at the most
# this long (Python's own 5 ms) for its turn beside the one that decodes: a fifth more a second.
SWITCH_SECONDS = 0.0005
# Two with one client id throw each other out; mosquitto 2.0.11 ends a connection after it refused
# a message. Neither says why in time.
SHORT_SECONDS, SHORT_MANY = 10.0, 3

_log = logging.getLogger("smartmeter_cloud.ingest.consumer")


class TakenOver(Exception):
    """Another ingest uses the same client id."""


class Ingest:
    """run() until stop(). The store is this object's to write; others may read it."""

    def __init__(
        self,
        settings: BrokerSettings,
        store: Store,
        faults: Faults,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._settings = settings
        self._store = store
        self._faults = faults
        self._now = now
        self._stop = threading.Event()
        self._started = self._ms()
        self._link: tuple[bool, str] = (False, "not connected yet")
        self._link_since = self._started
        self._writer = Writer(store, self._process)
        self._messages = 0
        self._refused_receipts = 0
        self._short = 0  # connections in a row that did not last

    def stop(self) -> None:
        self._stop.set()

    def state(self) -> dict[str, Any]:
        """The broker's connection, and counts since the start; from any thread."""
        connected, text = self._link
        return {
            "broker": {"connected": connected, "detail": text, "since": self._link_since},
            "receiptsRefused": self._refused_receipts,
            "messages": self._messages,
            "rate": round(self._writer.rate, 1),
            "faults": self._faults.counts(),
            **self._writer.counts,
        }

    def run(self) -> None:
        """OSError or ssl.SSLError where the certificates cannot be used; TakenOver."""
        context = self._settings.tls_context()
        sys.setswitchinterval(SWITCH_SECONDS)
        failures = 0
        self._writer.start()
        try:
            while not self._stop.is_set():
                try:
                    connection = connect(self._settings, context)
                except (Refused, OSError, ProtocolError) as e:
                    self._lost(reason_of(e))
                else:
                    try:
                        if self._serve(connection):
                            failures = 0
                    finally:
                        connection.close()
                if not self._stop.is_set():
                    self._pause(min(RETRY_MAX, RETRY_MIN * 2**failures))
                    failures = min(failures + 1, 5)
        finally:
            self._writer.stop(STOP_SECONDS)
            self._writer.close()
        try:
            self._store.beat(self._process(ending=True))
        except StoreUnavailable as e:
            _log.debug("no last heartbeat: %s", e)

    def _serve(self, connection: Connection) -> bool:
        """Works until the connection is lost or stop() is called; whether it did for a while."""
        began = None
        try:
            connection.subscribe(self._filter())
            gathered = Job(MessageBatch(), [], connection)
            while not self._stop.is_set():
                if began is None and connection.subscribed:
                    self._found(connection)
                    began = time.monotonic()
                self._answer(connection)
                if gathered.packet_ids and not self._writer.busy:
                    self._writer.submit(gathered)
                    gathered = Job(MessageBatch(), [], connection)
                if gathered.batch.size < GATHER_MAX and len(gathered.packet_ids) < GATHER_MAX:
                    self._gather(connection.receive(WAIT_SECONDS, self._writer.bell), gathered)
                else:
                    connection.rest(WAIT_SECONDS, self._writer.bell)
                self._note_refused(connection)
            self._writer.stop(STOP_SECONDS)
            self._answer(connection)
        except Refused as e:
            if e.code == SESSION_TAKEN_OVER:
                raise TakenOver(
                    f'another ingest uses the client id "{self._settings.client_id}"; '
                    "give each its own (broker.client_id)"
                ) from None
            self._lost(str(e))
        except (OSError, ProtocolError) as e:
            if began is None or time.monotonic() - began >= SHORT_SECONDS:
                self._lost(reason_of(e))
            else:
                self._short += 1
                self._lost(self._why_short() if self._short >= SHORT_MANY else reason_of(e))
                return False
        self._short = 0
        return began is not None

    def _filter(self) -> str:
        group = self._settings.group
        return f"$share/{group}/{topics.ALL_CONCENTRATORS}" if group else topics.ALL_CONCENTRATORS

    def _gather(self, messages: list[codec.Publish | codec.Oversize], job: Job) -> None:
        received = self._ms()
        batch = job.batch
        for message in messages:
            if isinstance(message, codec.Publish):
                batch.add(message.topic, message.payload, received, message.retained)
            else:
                batch.add_oversize(message.topic, message.size, received)
            job.packet_ids.append(message.packet_id)

    def _answer(self, connection: Connection) -> None:
        """Receipts and acknowledges what has been stored since."""
        job = self._writer.finished()
        if job is None:
            return
        for concentrator, digests in job.batch.receipts.items():
            topic = topics.receipts(concentrator)
            for i in range(0, len(digests), RECEIPTS_IN_A_MESSAGE):
                connection.publish(topic, b"".join(digests[i : i + RECEIPTS_IN_A_MESSAGE]))
        if job.connection is connection:
            connection.acknowledge([i for i in job.packet_ids if i])  # none at QoS 0
        self._messages += len(job.packet_ids)

    def _note_refused(self, connection: Connection) -> None:
        if connection.refused_receipts:
            if not self._refused_receipts:
                _log.error(
                    "the broker refuses our receipts: it must let this user write cloud/+/receipts"
                )
            self._refused_receipts += connection.refused_receipts
            connection.refused_receipts = 0

    def _found(self, connection: Connection) -> None:
        if not self._link[0]:
            version = "5" if connection.version == codec.V5 else "3.1.1"
            text = f"{self._settings.host}:{self._settings.port}, MQTT {version}"
            _log.info("connected to the broker %s", text)
            self._link, self._link_since = (True, text), self._ms()
            self._writer.beat()

    def _why_short(self) -> str:
        return (
            "it ends each connection soon after it began: either another ingest uses the client "
            f'id "{self._settings.client_id}" too (broker.client_id), or the access list does not '
            "let this user write cloud/+/receipts"
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


def connect(settings: BrokerSettings, context: ssl.SSLContext | None) -> Connection:
    """By MQTT 5; by 3.1.1 where the broker refuses that, hangs up or is silent, as some do.

    Refused, OSError, ProtocolError.
    """
    if settings.old:
        return Connection(settings, codec.V311, context)
    try:
        return Connection(settings, codec.V5, context)
    except (Refused, ConnectionResetError, NoAnswer, ProtocolError) as e:
        if isinstance(e, Refused) and e.code not in WRONG_VERSION:
            raise
        return Connection(settings, codec.V311, context)


def reason_of(error: Exception) -> str:
    """Why a broker cannot be used, for a person."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        return f"no TLS with it: {error.reason or error}"
    if isinstance(error, ConnectionRefusedError):
        return "nothing listens there"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return str(error)
