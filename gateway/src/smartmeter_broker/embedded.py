"""Runs the broker in its own thread."""

import asyncio
import contextlib
import logging
import ssl
import threading
from collections.abc import Collection, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from amqtt.contexts import ListenerType  # type: ignore[import-untyped]
from amqtt.errors import AMQTTError, BrokerError  # type: ignore[import-untyped]
from smartmeter_service.threads import VitalThread

from .admission import Admission
from .held_acknowledgements import HeldAcknowledgements
from .listener import Gate, Listener, Waits, most_connections
from .packets import PacketReader, PacketWriter
from .retained_delivery import RetainedDeliveryBroker
from .rights import Rights
from .throttled_log import ThrottledLog

_LISTENER = "default"  # the name that amqtt demands of one listener
_START_S = 10.0
_STOP_S = 3.0
_LOOK_S = 2.0  # for a new list of revoked certificates
_SESSION_S = 86_400  # amqtt forgets a client that stays away for longer
_WAITS = Waits()
_INSIDE = 20  # connections of this process itself

_log = logging.getLogger("smartmeter_broker")


class BrokerUnavailable(Exception):
    """The broker could not be started; one sentence that says why."""


class EmbeddedBroker:
    """A broker at host:port, between start() and close(), or inside a with statement.

    port 0 takes a free one; .port is the port in use. users: name -> password. meters: ids in the
    settings. A user with such a name, or with a UUID, is restricted to its own topics (rights.py).
    reserved: only this process publishes on topics that begin so.
    held: a message on a topic that begins so is acknowledged once this process has done so.
    certificate and key (PEM files) make it a TLS listener. client_ca: a client with a certificate
    of this authority needs no password, and is restricted to its own topics. Certificates in the
    crl.pem beside client_ca are refused.

    .local_port is a plain listener on 127.0.0.1 for clients in this process. They log in as
    .local_user with .local_password, and may do everything. Other users may use it, too.
    """

    local_user = "this-process"

    def __init__(
        self,
        host: str,
        port: int,
        *,
        users: Mapping[str, str],
        meters: Collection[str] = (),
        reserved: str = "",
        held: str = "",
        certificate: Path | None = None,
        key: Path | None = None,
        client_ca: Path | None = None,
        waits: Waits = _WAITS,
    ) -> None:
        if not users and not client_ca:
            raise BrokerUnavailable("the embedded broker needs at least one user with a password")
        self.host = host
        self.port = port
        self.local_port = 0
        self._tls = (certificate, key, client_ca)
        self._waits = waits
        self._held = held
        self._crl = client_ca.with_name("crl.pem") if client_ca else None
        self._rights = Rights(users, meters, reserved)
        self._admission = Admission(users, self._rights, self._crl, self.local_user)
        self.local_password = self._admission.process_password
        self._loop = asyncio.new_event_loop()
        self._thread = VitalThread("embedded broker", self._run)
        self._started = threading.Event()
        self._stop: asyncio.Event | None = None
        self._failure: str | None = None

    def start(self) -> None:
        """Listen; BrokerUnavailable if the port is taken or a certificate cannot be read."""
        logging.getLogger("amqtt").setLevel(logging.CRITICAL)
        logging.getLogger("transitions").setLevel(logging.CRITICAL)
        self._thread.start()
        if not self._started.wait(_START_S):
            self._failure = "it did not start"
        if self._failure:
            raise BrokerUnavailable(
                f"the embedded broker cannot listen on {self.host}:{self.port}: {self._failure}"
            )

    def add_meter(self, id: str, password: str) -> None:
        """A user named for a meter, who has its topics alone; from any thread."""
        self._admission.add_meter(id, password)

    def close(self) -> None:
        """End it and its connections; a second call does nothing."""
        if self._stop and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join(_STOP_S)

    def __enter__(self) -> "EmbeddedBroker":
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.set_exception_handler(_note)
        try:
            self._loop.run_until_complete(self._serve())
        finally:
            self._started.set()
            self._loop.close()

    async def _serve(self) -> None:
        self._stop = asyncio.Event()
        broker = RetainedDeliveryBroker(self._amqtt_settings(), self._loop)
        gate = self._gate(broker)
        listeners: list[Listener] = []
        try:
            inside = Listener(gate, None, _INSIDE, inside=True)
            outside = Listener(gate, self._tls_context(), most_connections())
            listeners += [inside, outside]
            await broker.start()
            await inside.start("127.0.0.1", 0)
            await outside.start(self.host, self.port)
        except (AMQTTError, BrokerError, OSError, ValueError) as why:
            self._failure = _reason(why)
            for listener in listeners:
                listener.stop_listening()
            return
        self.local_port, self.port = inside.port, outside.port
        self._started.set()
        watch = asyncio.create_task(self._end_revoked(gate))
        # amqtt no longer delivers messages after this task of it has ended.
        parts = {watch, broker._broadcast_task}
        stop = asyncio.create_task(self._stop.wait())
        done, _ = await asyncio.wait({stop, *parts}, return_when=asyncio.FIRST_COMPLETED)
        for part in done & parts:
            part.result()  # raises what ended it
        watch.cancel()
        for listener in listeners:
            listener.stop_listening()
        # What is still open after the time limit is closed with the process.
        with contextlib.suppress(TimeoutError, AMQTTError, BrokerError):
            await asyncio.wait_for(broker.shutdown(), _STOP_S)
        for listener in listeners:
            await listener.close()
        for task in asyncio.all_tasks():
            if task is not asyncio.current_task():
                task.cancel()

    def _amqtt_settings(self) -> dict[str, Any]:
        return {
            "listeners": {_LISTENER: {"type": ListenerType.EXTERNAL}},
            "session_expiry_interval": _SESSION_S,
            "plugins": {
                "smartmeter_broker.plugins.Admitted": {},
                "smartmeter_broker.plugins.TopicRights": {"rights": self._rights},
            },
        }

    def _gate(self, broker: RetainedDeliveryBroker) -> Gate:
        async def handover(reader: PacketReader, writer: PacketWriter) -> None:
            await broker.external_connected(reader, writer, _LISTENER)

        def sessions_of(user: str) -> int:
            return sum(session.username == user for session, _ in broker.sessions.values())

        def sent(client_id: str, packet_id: int) -> tuple[str, bytes] | None:
            session, _ = broker.sessions.get(client_id, (None, None))
            message = session.inflight_out.get(packet_id) if session else None
            return (message.topic, bytes(message.data)) if message else None

        held = HeldAcknowledgements(self._held, self._rights.may_write)
        return Gate(
            self._admission, handover, sessions_of, sent, held, self._waits, ThrottledLog(_log)
        )

    def _tls_context(self) -> ssl.SSLContext | None:
        """Raises OSError; ssl.SSLError is one."""
        certificate, key, client_ca = self._tls
        if certificate is None:
            return None
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=client_ca)
        context.load_cert_chain(certificate, key)
        context.verify_mode = ssl.CERT_OPTIONAL if client_ca else ssl.CERT_NONE
        return context

    async def _end_revoked(self, gate: Gate) -> None:
        """Ends the connections whose certificates are in a new list."""
        seen = None
        while True:
            written = _modified(self._crl) if self._crl else None
            if self._crl and written != seen:
                seen = written
                gate.end_revoked()
            await asyncio.sleep(_LOOK_S)


def _modified(path: Path) -> int | None:
    """When a file was written, ns; None if it is not there."""
    try:
        return path.stat().st_mtime_ns
    except FileNotFoundError:
        return None


def _reason(why: Exception) -> str:
    if isinstance(why, ssl.SSLError):
        return f"its certificate or key cannot be used ({why.reason or why})"
    if isinstance(why, OSError) and why.strerror:
        text = why.strerror.lower()
        return f"{why.filename}: {text}" if why.filename else text
    return str(why)


def _note(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """A client that stops in the middle only ends its own connection, which is not logged."""
    _log.debug("%s: %s", context["message"], context.get("exception"))
