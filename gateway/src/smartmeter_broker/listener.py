"""The gate of the broker: it accepts connections, bounds them, and closes every one."""

import asyncio
import contextlib
import errno
import resource
import secrets
import socket
import ssl
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import NamedTuple

from amqtt.mqtt.connack import (  # type: ignore[import-untyped]
    NOT_AUTHORIZED,
    SERVER_UNAVAILABLE,
    ConnackPacket,
)
from amqtt.mqtt.connect import ConnectPacket  # type: ignore[import-untyped]

from .admission import Admission, Refused
from .budget import Budget
from .held_acknowledgements import HeldAcknowledgements, Publisher
from .packets import Malformed, PacketReader, PacketWriter
from .plugins import session_user
from .retained_limit import RetainedLimit
from .rights import CONCENTRATOR, METER, Login
from .throttled_log import ThrottledLog

_CLOSE_S = 2.0  # for the last bytes; the socket is closed then, whatever the client does
_SETTLE_S = 10.0  # for amqtt to clean up after a connection has ended
_FULL_S = 1.0  # until the next attempt, if the system has no free socket
_BACKLOG = 1_024  # a client that finds it full comes again after a second
_MOST = 1_000  # connections of one listener
_SPARE_FILES = 300  # file descriptors for the page, the store and the uplink
_FEW = 16  # connections or sessions of one meter or Concentrator

_NO_SOCKET = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}


class Waits(NamedTuple):
    """How long the broker waits for a client, in seconds."""

    login_s: float = 10.0  # from the connection to the end of CONNECT, TLS included
    wrong_s: float = 1.0  # a wrong password is answered late, against guessing
    unread_s: float = 20.0  # a client may leave data unread, once the buffers are full
    taken_s: float = 10.0  # this process may leave a message unacknowledged


Handover = Callable[[PacketReader, PacketWriter], Awaitable[None]]


def most_connections() -> int:
    """Connections that the limit of open files leaves for clients."""
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if files == resource.RLIM_INFINITY:
        return _MOST
    return min(_MOST, max(files - _SPARE_FILES, files // 2))


class Gate:
    """State that all listeners of a broker share: its connections, and how they reach amqtt.

    sessions_of(user): how many sessions of a user amqtt has.
    sent(client_id, packet_id): topic and payload of what amqtt has sent to a client.
    """

    def __init__(
        self,
        admission: Admission,
        handover: Handover,
        sessions_of: Callable[[str], int],
        sent: Callable[[str, int], tuple[str, bytes] | None],
        held: HeldAcknowledgements,
        waits: Waits,
        log: ThrottledLog,
    ) -> None:
        self.admission = admission
        self.handover = handover
        self.sessions_of = sessions_of
        self.sent = sent
        self.held = held
        self.waits = waits
        self.log = log
        self.retained = RetainedLimit()
        self.budgets: dict[str, Budget] = {}  # by user
        self.connections: dict[str, Connection] = {}  # by the client id that amqtt gets

    def end_revoked(self) -> None:
        for connection in list(self.connections.values()):
            if connection.login and self.admission.revoked(connection.login):
                connection.abort()


class Connection:
    """One socket, from accept to close."""

    def __init__(self, sock: socket.socket, host: str) -> None:
        self.sock = sock
        self.host = host
        self.login: Login | None = None
        self.task: asyncio.Task[None] | None = None
        self.stream: asyncio.StreamWriter | None = None

    def abort(self) -> None:
        """End it at once; amqtt sees the end of the stream and sends its last will."""
        if self.stream:
            self.stream.transport.abort()

    async def open(self, context: ssl.SSLContext | None, login_s: float) -> asyncio.StreamReader:
        """Start reading, with TLS if there is a context. Raises OSError."""
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader()
        protocol = asyncio.StreamReaderProtocol(reader)
        transport, _ = await loop.connect_accepted_socket(
            lambda: protocol,
            self.sock,
            ssl=context,
            ssl_handshake_timeout=login_s if context else None,
            ssl_shutdown_timeout=_CLOSE_S if context else None,
        )
        self.stream = asyncio.StreamWriter(transport, protocol, reader, loop)
        return reader

    async def close(self) -> None:
        if self.stream is None:
            self.sock.close()
            return
        try:
            self.stream.close()
            async with asyncio.timeout(_CLOSE_S):
                await self.stream.wait_closed()
        except (OSError, TimeoutError):
            pass  # it is aborted below
        finally:
            self.stream.transport.abort()


class Listener:
    """Accepts at most `most` connections; at most a fifth of them may be not yet logged in.

    Beyond that fifth, it closes the oldest connection of the address with the most of them. A
    real client sends CONNECT at once, so only a stranger that holds connections open loses them.
    inside: the listener of this process itself.
    """

    def __init__(
        self, gate: Gate, context: ssl.SSLContext | None, most: int, *, inside: bool = False
    ) -> None:
        self._gate = gate
        self._context = context
        self._most = most
        self._inside = inside
        self._waiting: dict[Connection, None] = {}  # not logged in, the oldest first
        self._users: Counter[str] = Counter()
        self._sockets: list[socket.socket] = []
        self._accepting: list[asyncio.Task[None]] = []
        self._connections: set[asyncio.Task[None]] = set()
        self.port = 0

    async def start(self, host: str, port: int) -> None:
        """Raises OSError."""
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        self.port = port
        for family, address in sorted({(f, a[0]) for f, _, _, _, a in found}):
            self._listen(family, str(address))
        self._accepting = [loop.create_task(self._accept(sock)) for sock in self._sockets]

    def _listen(self, family: int, address: str) -> None:
        sock = socket.socket(family, socket.SOCK_STREAM)
        self._sockets.append(sock)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.setblocking(False)
        sock.bind((address, self.port))
        sock.listen(_BACKLOG)
        self.port = sock.getsockname()[1]

    def stop_listening(self) -> None:
        for task in self._accepting:
            task.cancel()
        for sock in self._sockets:
            sock.close()

    async def close(self) -> None:
        """End all connections; listening has ended before."""
        for task in self._connections:
            task.cancel()
        if self._connections:
            await asyncio.wait(self._connections, timeout=_CLOSE_S)

    async def _accept(self, sock: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                taken, address = await loop.sock_accept(sock)
            except OSError as why:
                if why.errno in _NO_SOCKET:
                    self._gate.log.warning("accept", f"cannot take connections: {why.strerror}")
                    await asyncio.sleep(_FULL_S)
                continue
            taken.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)  # notices lost clients
            connection = Connection(taken, address[0])
            self._waiting[connection] = None
            if len(self._waiting) > max(1, self._most // 5):
                self._drop_one()
            task = loop.create_task(self._run(connection))
            connection.task = task
            self._connections.add(task)
            task.add_done_callback(self._connections.discard)
            await asyncio.sleep(0)  # so that a flood of connections does not stop everything else

    def _drop_one(self) -> None:
        host, _ = Counter(waiting.host for waiting in self._waiting).most_common(1)[0]
        oldest = next(waiting for waiting in self._waiting if waiting.host == host)
        del self._waiting[oldest]
        if oldest.task:
            oldest.task.cancel()
        self._gate.log.warning("waiting", f"{host} opens many connections without logging in")

    async def _run(self, connection: Connection) -> None:
        log, login_s = self._gate.log, self._gate.waits.login_s
        try:
            try:
                async with asyncio.timeout(login_s):
                    reader = PacketReader(await connection.open(self._context, login_s), log)
                    connect = await reader.connect_packet()
                    login = await self._admit(connection, connect)
            finally:
                self._waiting.pop(connection, None)
            await self._serve(connection, connect, login, reader)
        except TimeoutError:
            log.warning("late", f"{connection.host} did not log in within {login_s:.0f} s")
        except Malformed as why:
            log.warning("malformed", f"{connection.host} does not speak MQTT: {why}")
        except Refused as why:
            log.warning("refused", f"refused a connection from {connection.host}: {why}")
            if connection.stream:
                connection.stream.write(ConnackPacket.build(0, why.code).to_bytes())
        except (EOFError, OSError):
            pass  # it has closed the connection, or TLS failed
        except Exception as fault:  # one connection must not end the broker
            log.warning("fault", f"a connection from {connection.host} failed: {fault!r}")
        finally:
            await connection.close()

    async def _admit(self, connection: Connection, connect: ConnectPacket) -> Login:
        """The login of a connection. Raises Refused, which it delays after a wrong password."""
        assert connection.stream is not None
        tls = connection.stream.get_extra_info("ssl_object")
        certificate = tls.getpeercert(binary_form=True) if tls else None
        try:
            return self._gate.admission.admit(connect, certificate, self._inside)
        except Refused as why:
            if why.code == NOT_AUTHORIZED:
                await asyncio.sleep(self._gate.waits.wrong_s)
            raise

    async def _serve(
        self, connection: Connection, connect: ConnectPacket, login: Login, reader: PacketReader
    ) -> None:
        assert connection.stream is not None
        user = session_user(login)
        # Each user has its own ids, so that nobody can disconnect another user's client by its id.
        client_id = f"{user}/{connect.client_id or secrets.token_hex(8)}"
        connection.login = login
        gate = self._gate
        while before := gate.connections.get(client_id):  # 3.1.4-2
            assert before.task is not None
            before.abort()
            done, _ = await asyncio.wait({before.task}, timeout=_SETTLE_S)
            if not done:
                raise Refused(SERVER_UNAVAILABLE, f"a connection of {login.name} does not end")
        self._check_room(login, user, connect)
        gate.connections[client_id] = connection
        self._users[user] += 1
        try:
            connect.client_id = client_id
            connect.username, connect.username_flag = user, True
            connect.password, connect.password_flag = None, False
            budget = gate.budgets.setdefault(user, Budget())
            publisher = self._publisher(connection, login)

            def on_acknowledged(packet_id: int) -> None:
                if message := gate.sent(client_id, packet_id):
                    gate.held.acknowledged(*message)

            reader.begin(connect, login, budget, gate.retained, publisher, on_acknowledged)
            writer = PacketWriter(connection.stream, publisher, gate.waits.unread_s, gate.log)
            try:
                await self._hand_over(reader, writer)
            finally:
                publisher.close()
        finally:
            self._users[user] -= 1
            del gate.connections[client_id]

    def _publisher(self, connection: Connection, login: Login) -> Publisher:
        def send(data: bytes) -> None:
            if connection.stream and not connection.stream.transport.is_closing():
                connection.stream.write(data)

        def give_up() -> None:
            self._gate.log.warning(
                "held", f"a message of {login.name} was not taken in time; its connection ends"
            )
            connection.abort()

        return Publisher(self._gate.held, login, send, give_up, self._gate.waits.taken_s)

    async def _hand_over(self, reader: PacketReader, writer: PacketWriter) -> None:
        """Let amqtt serve the connection until it ends; cancel amqtt if it then does not return."""
        serving = asyncio.ensure_future(self._gate.handover(reader, writer))
        ended = asyncio.ensure_future(reader.ended.wait())
        try:
            await asyncio.wait({serving, ended}, return_when=asyncio.FIRST_COMPLETED)
            await asyncio.wait({serving}, timeout=_SETTLE_S)
        finally:
            ended.cancel()
            serving.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            if serving.done() and (fault := serving.exception()):
                self._gate.log.warning("amqtt", f"a connection ended by an error: {fault!r}")

    def _check_room(self, login: Login, user: str, connect: ConnectPacket) -> None:
        most = _FEW if login.role in (METER, CONCENTRATOR) else max(1, self._most // 2)
        if (
            self._users[user] >= most
            or self._gate.sessions_of(user) >= 2 * most
            or self._users.total() >= self._most - self._most // 5
        ):
            raise Refused(
                SERVER_UNAVAILABLE,
                f"there are too many connections or sessions; the last is {login.name}'s",
            )
        if connect.will_retain_flag:
            size = max(1, len(connect.will_message))
            if not self._gate.retained.takes(login.name, connect.will_topic, size):
                raise Refused(SERVER_UNAVAILABLE, f"{login.name} retains too much")
