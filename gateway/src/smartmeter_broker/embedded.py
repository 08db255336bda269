"""Runs amqtt in its own thread."""

import asyncio
import contextlib
import logging
import threading
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from amqtt.adapters import (  # type: ignore[import-untyped]
    StreamReaderAdapter,
    StreamWriterAdapter,
)
from amqtt.broker import Broker  # type: ignore[import-untyped]
from amqtt.errors import AMQTTError, BrokerError  # type: ignore[import-untyped]
from smartmeter_service.threads import VitalThread

from .certified import is_revoked

_USERS = "smartmeter_broker.named_users.NamedUsers"
_START_S = 10.0
_STOP_S = 3.0
_LOOK_S = 2.0  # for a new list of revoked certificates
_PACKET_BYTES = 2_000_000  # of one packet; the longest packet of the chain has half of that

_log = logging.getLogger("smartmeter_broker")


class BrokerUnavailable(Exception):
    """The broker could not be started; one sentence that says why."""


class EmbeddedBroker:
    """A broker at host:port, from start() or the with statement's begin to close() or its end.

    port 0 takes a free one; .port is the one taken. users: name -> password. certificate and key
    (PEM files) make it a TLS listener. client_ca: who has a certificate of this authority needs
    no password and is held to his own topics (certified.py); but for those that crl.pem beside it
    names. .local_port is a plain listener on 127.0.0.1 for clients
    in this process: the same users, and never TLS.
    """

    def __init__(
        self,
        host: str,
        port: int,
        *,
        users: Mapping[str, str],
        certificate: Path | None = None,
        key: Path | None = None,
        client_ca: Path | None = None,
    ) -> None:
        if not users:
            raise BrokerUnavailable("the embedded broker needs at least one user with a password")
        self.host = host
        self.port = port
        self.local_port = 0
        self._crl: Path | None = None
        outside: dict[str, Any] = {"bind": f"{host}:{port}"}
        if certificate:
            outside |= {"ssl": True, "certfile": str(certificate), "keyfile": str(key)}
        plugins: dict[str, Any] = {_USERS: {"users": dict(users)}}
        if client_ca:
            outside["cafile"] = str(client_ca)
            self._crl = client_ca.with_name("crl.pem")
            plugins[_USERS]["crl"] = str(self._crl)
            plugins["smartmeter_broker.certified.Certified"] = {}
        # What a listener leaves out amqtt takes from the one named "default": let it be the plain.
        self._config = {
            "listeners": {"default": {"bind": "127.0.0.1:0"}, "outside": outside},
            "plugins": plugins,
        }
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
        try:
            broker = _BoundedBroker(self._config, self._loop)
            await broker.start()
        except (AMQTTError, BrokerError, OSError, ValueError) as why:
            # asyncio says "error while attempting to bind on ...: address already in use".
            self._failure = str(why.__cause__ or why).rpartition(": ")[2]
            return
        self.local_port = self._taken_port(broker, "default")
        self.port = self._taken_port(broker, "outside")
        self._started.set()
        watch = asyncio.create_task(self._end_revoked(broker))
        # amqtt no longer delivers messages after this task of it has ended.
        parts = {watch, broker._broadcast_task}
        stop = asyncio.create_task(self._stop.wait())
        done, _ = await asyncio.wait({stop, *parts}, return_when=asyncio.FIRST_COMPLETED)
        for part in done & parts:
            part.result()  # raises what ended it
        watch.cancel()
        # What is still open after the time limit is closed with the process.
        with contextlib.suppress(TimeoutError, AMQTTError, BrokerError):
            await asyncio.wait_for(broker.shutdown(), _STOP_S)
        for task in asyncio.all_tasks():
            if task is not asyncio.current_task():
                task.cancel()

    async def _end_revoked(self, broker: Broker) -> None:
        """Ends the connections whose certificates are in a new list."""
        seen = None
        while True:
            written = _modified(self._crl) if self._crl else None
            if self._crl and written != seen:
                seen = written
                for session, handler in list(broker.sessions.values()):
                    if handler.writer and is_revoked(session, self._crl):
                        with contextlib.suppress(OSError):
                            await handler.writer.close()
            await asyncio.sleep(_LOOK_S)

    @staticmethod
    def _taken_port(broker: Broker, listener: str) -> int:
        server = broker._servers[listener].instance
        return int(next(iter(server.sockets)).getsockname()[1])


def _modified(path: Path) -> int | None:
    """When a file was written, ns; None if it is not there."""
    try:
        return path.stat().st_mtime_ns
    except FileNotFoundError:
        return None


class _BoundedReader(StreamReaderAdapter):  # type: ignore[misc]
    """Ends a connection that sends a longer packet, before any of it is in memory."""

    async def read(self, n: int = -1) -> bytes:
        if n > _PACKET_BYTES:
            raise ConnectionAbortedError(f"a packet of {n} bytes; at most {_PACKET_BYTES} are read")
        return bytes(await super().read(n))


class _BoundedBroker(Broker):  # type: ignore[misc]
    async def stream_connected(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, listener_name: str
    ) -> None:
        await self.external_connected(
            _BoundedReader(reader), StreamWriterAdapter(writer), listener_name
        )


def _note(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """A client that stops in the middle only ends its own connection, which is not logged."""
    _log.debug("%s: %s", context["message"], context.get("exception"))
