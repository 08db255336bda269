"""From the broker into the store: one thread that reads, commits, receipts and acknowledges.

What has come while the last batch was written is the next batch, so one message waits for one
commit and a thousand wait for one as well. Receipts go before acknowledgements, on the same
connection: whatever breaks in between, the broker or the Concentrator sends again, and the store
ignores what it has.
"""

import json
import logging
import random
import ssl
import threading
import time
from collections.abc import Callable

from smartmeter import topics

from smartmeter_cloud.message import Batch
from smartmeter_cloud.mqtt import codec
from smartmeter_cloud.mqtt.codec import ProtocolError
from smartmeter_cloud.mqtt.connection import (
    SESSION_TAKEN_OVER,
    WRONG_VERSION,
    BrokerSettings,
    Connection,
    NoAnswer,
    Refused,
)
from smartmeter_cloud.store import Store, StoreUnavailable
from smartmeter_cloud.store.rows import Process

BEAT_SECONDS = 5.0
WAIT_SECONDS = 0.5  # for a message, before looking whether to stop
RECEIPTS_IN_A_MESSAGE = 4096  # 64 kB
RETRY_MIN, RETRY_MAX = 1.0, 30.0
# Two with one client id throw each other out; mosquitto 2.0.11 ends a connection after it refused
# a message. Neither says why in time.
SHORT_SECONDS, SHORT_MANY = 10.0, 3

_log = logging.getLogger("smartmeter_cloud.ingest")


class TakenOver(Exception):
    """Another ingest uses the same client id."""


class Ingest:
    """run() until stop(). The store is this object's to write; others may read it."""

    def __init__(
        self, settings: BrokerSettings, store: Store, now: Callable[[], float] = time.time
    ) -> None:
        self._settings = settings
        self._store = store
        self._now = now
        self._stop = threading.Event()
        self._started = self._ms()
        self._next_beat = 0.0
        self._link: tuple[bool, str] = (False, "not connected yet")
        self._link_since = self._started
        self._store_ok = True
        self._since_start = {"messages": 0, "stored": 0, "repeated": 0, "dead": 0, "ignored": 0}
        self._refused_receipts = 0
        self._short = 0  # connections in a row that did not last

    def stop(self) -> None:
        self._stop.set()

    def run(self) -> None:
        """OSError or ssl.SSLError where the certificates cannot be used; TakenOver."""
        context = self._settings.tls_context()
        failures = 0
        while not self._stop.is_set():
            try:
                connection = self._connect(context)
            except (Refused, OSError, ProtocolError) as e:
                self._lost(_reason(e))
            else:
                try:
                    if self._serve(connection):
                        failures = 0
                finally:
                    connection.close()
            if not self._stop.is_set():
                self._pause(min(RETRY_MAX, RETRY_MIN * 2**failures))
                failures = min(failures + 1, 5)
        self._beat(ending=True)

    def _connect(self, context: ssl.SSLContext | None) -> Connection:
        """By MQTT 5; by 3.1.1 where the broker refuses that, hangs up or is silent, as some do."""
        if self._settings.old:
            return Connection(self._settings, codec.V311, context)
        try:
            return Connection(self._settings, codec.V5, context)
        except (Refused, ConnectionResetError, NoAnswer, ProtocolError) as e:
            if isinstance(e, Refused) and e.code not in WRONG_VERSION:
                raise
            return Connection(self._settings, codec.V311, context)

    def _serve(self, connection: Connection) -> bool:
        """Works until the connection is lost or stop() is called; whether it did for a while."""
        began = None
        try:
            connection.subscribe(self._filter())
            self._found(connection)
            began = time.monotonic()
            while not self._stop.is_set():
                messages = connection.receive(WAIT_SECONDS)
                if messages and not self._take(connection, messages):
                    break
                self._note_refused(connection)
                if time.monotonic() >= self._next_beat:
                    self._beat()
        except Refused as e:
            if e.code == SESSION_TAKEN_OVER:
                raise TakenOver(
                    f'another ingest uses the client id "{self._settings.client_id}"; '
                    "give each its own (broker.client_id)"
                ) from None
            self._lost(str(e))
        except (OSError, ProtocolError) as e:
            if began is None or time.monotonic() - began >= SHORT_SECONDS:
                self._lost(_reason(e))
            else:
                self._short += 1
                self._lost(self._why_short() if self._short >= SHORT_MANY else _reason(e))
                return False
        self._short = 0
        return began is not None

    def _filter(self) -> str:
        group = self._settings.group
        return f"$share/{group}/{topics.ALL_CONCENTRATORS}" if group else topics.ALL_CONCENTRATORS

    def _take(self, connection: Connection, messages: list[codec.Publish | codec.Oversize]) -> bool:
        """Stores, receipts and acknowledges; False where stop() came before it was stored."""
        batch = Batch()
        received = self._ms()
        for message in messages:
            if isinstance(message, codec.Publish):
                batch.add(message.topic, message.payload, received, message.retained)
            else:
                batch.add_oversize(message.topic, message.size, received)
        if not self._write(batch):
            return False
        for concentrator, digests in batch.receipts.items():
            topic = topics.receipts(concentrator)
            for i in range(0, len(digests), RECEIPTS_IN_A_MESSAGE):
                connection.publish(topic, b"".join(digests[i : i + RECEIPTS_IN_A_MESSAGE]))
        connection.acknowledge([m.packet_id for m in messages if m.packet_id])
        self._since_start["messages"] += len(messages)
        return True

    def _write(self, batch: Batch) -> bool:
        """Stores the batch, however long the store is away; nothing more is read meanwhile."""
        delay = 0.1
        while True:
            try:
                stored = self._store.write(batch)
            except StoreUnavailable as e:
                if self._store_ok:
                    _log.error("nothing can be stored: %s; trying again until it can", e)
                    self._store_ok = False
                if self._stop.wait(delay):
                    return False
                delay = min(delay * 2, 5.0)
                continue
            if not self._store_ok:
                _log.warning("the store is back")
                self._store_ok = True
            counts = self._since_start
            counts["stored"] += stored.new
            counts["repeated"] += stored.repeated
            counts["ignored"] += batch.ignored
            if batch.dead and not counts["dead"]:
                dead = batch.dead[0]
                _log.warning(
                    "a message on %r cannot be stored (%s); it and all further ones are in the "
                    "table dead_letter",
                    dead.topic,
                    dead.reason,
                )
            counts["dead"] += len(batch.dead)
            return True

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
            self._beat()

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
            self._beat()

    def _pause(self, seconds: float) -> None:
        """Half to all of that time, so that many do not come back at one instant."""
        until = time.monotonic() + seconds * random.uniform(0.5, 1.0)  # noqa: S311
        while not self._stop.wait(min(1.0, max(0.0, until - time.monotonic()))):
            if time.monotonic() >= self._next_beat:
                self._beat()
            if time.monotonic() >= until:
                return

    def _beat(self, ending: bool = False) -> None:
        self._next_beat = time.monotonic() + BEAT_SECONDS
        connected, text = self._link
        state = {
            "state": "ended" if ending else "online",
            "broker": {"connected": connected, "detail": text, "since": self._link_since},
            "receiptsRefused": self._refused_receipts,
            **self._since_start,
        }
        process = Process(
            f"ingest {self._settings.client_id}", self._started, self._ms(), json.dumps(state)
        )
        try:
            self._store.beat(process)
        except StoreUnavailable as e:
            _log.debug("no heartbeat: %s", e)

    def _ms(self) -> int:
        return int(self._now() * 1000)


def _reason(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        return f"no TLS with it: {error.reason or error}"
    if isinstance(error, ConnectionRefusedError):
        return "nothing listens there"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return str(error)
