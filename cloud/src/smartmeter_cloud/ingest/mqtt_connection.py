"""One connection to a broker: a blocking socket, read in bulk by the thread that stores."""

import select
import socket
import ssl
import time

from smartmeter_mqtt import codec
from smartmeter_mqtt.reasons import reason

from smartmeter_cloud.config.settings import BrokerSettings

KEEP_ALIVE = 60  # seconds; a silent broker is given up after one and a half times that
SESSION_SECONDS = 3600  # the broker keeps what we missed for as long, if it is able to
RECEIVE_MAXIMUM = 2000  # messages under way to us at a time
PACKET_MAX = 2 * 1024 * 1024  # a little over what a message may have, so that a refusal can name it
CONNECT_SECONDS = 10
READ_SIZE = 256 * 1024


class NoAnswer(TimeoutError):
    """The broker took the connection and then said nothing."""


class Refused(Exception):
    """The broker answered, and the answer was no."""

    def __init__(self, code: int, detail: str = "") -> None:
        super().__init__(f"the broker refuses: {reason(code)}{detail}")
        self.code = code


class Connection:
    """Open, subscribed with subscribe(), and then receive() until Lost is raised."""

    def __init__(
        self, settings: BrokerSettings, version: int, context: ssl.SSLContext | None
    ) -> None:
        """Connects. OSError or Refused where that fails."""
        self.version = version
        self.keep_alive = KEEP_ALIVE
        self.window = 65535  # receipts that may be under way to the broker
        self.under_way: set[bytes] = set()
        self.refused_receipts = 0
        self.subscribed = False
        self._topic = ""
        self._inbox: list[codec.Publish | codec.Oversize] = []
        self._packet_id = 0
        self._sent = self._heard = time.monotonic()
        self._parser = codec.Parser(version, PACKET_MAX)
        self._controls: list[codec.Control] = []
        raw = socket.create_connection((settings.host, settings.port), timeout=CONNECT_SECONDS)
        try:
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._socket: socket.socket = raw
            if context is not None:
                self._socket = context.wrap_socket(raw, server_hostname=settings.host)
            self._send(
                codec.connect(
                    settings.client_id,
                    version,
                    settings.user,
                    settings.password,
                    KEEP_ALIVE,
                    0 if settings.group else SESSION_SECONDS,
                    RECEIVE_MAXIMUM,
                )
            )
            self._connected(self._await(codec.CONNACK))
        except BaseException:
            raw.close()
            self.close()
            raise

    def _connected(self, body: bytes) -> None:
        if len(body) < 2:
            raise codec.ProtocolError("a CONNACK of less than two bytes")
        if body[1]:
            raise Refused(body[1])
        if self.version == codec.V5 and len(body) > 2:
            told = codec.properties(body, 2)
            window = told.get(codec.RECEIVE_MAXIMUM)
            if isinstance(window, int) and window:
                self.window = window
            keep_alive = told.get(codec.SERVER_KEEP_ALIVE)
            if isinstance(keep_alive, int) and keep_alive:
                self.keep_alive = keep_alive

    def subscribe(self, topic: str) -> None:
        """Asks for it; `subscribed` when that is granted, else receive() raises Refused.

        Not waited for here: a broker that has kept a session sends its messages before that.
        """
        self._topic = topic
        self._send(codec.subscribe(self._next_id(), topic, self.version))

    def receive(
        self, timeout: float, bell: socket.socket | None = None
    ) -> list[codec.Publish | codec.Oversize]:
        """What has come, waiting up to timeout seconds for it or the bell; OSError when lost."""
        if not self._inbox:
            # TLS hands out 16 kB at a time: what else lies ready makes the same batch.
            size = read = self._read(timeout, bell)
            while read and size < READ_SIZE:
                read = self._read(0)
                size += read
            self._handle_controls()
        self._keep_alive()
        got, self._inbox = self._inbox, []
        return got

    def rest(self, timeout: float, bell: socket.socket) -> None:
        """Reads nothing, up to timeout seconds or until the bell; the broker hears from us."""
        select.select([bell], [], [], timeout)
        self._heard = time.monotonic()  # who does not listen cannot say that it was silent
        self._keep_alive()

    def publish(self, topic: str, payload: bytes) -> None:
        """Sends at QoS 1; where the broker's window is full, reads until there is room."""
        while len(self.under_way) >= self.window:
            self._read(1.0)
            self._handle_controls()
            self._keep_alive()
        packet_id = self._next_id()
        self.under_way.add(packet_id.to_bytes(2, "big"))
        self._send(codec.publish(packet_id, topic, payload, self.version))

    def acknowledge(self, packet_ids: list[bytes]) -> None:
        if packet_ids:
            self._send(codec.puback(packet_ids))

    def close(self) -> None:
        """Says goodbye where that is still possible."""
        connection = getattr(self, "_socket", None)
        if connection is None:
            return
        try:
            connection.settimeout(1)
            connection.sendall(codec.DISCONNECT_PACKET)
        except (OSError, ValueError):
            pass  # nobody is there to take leave of
        finally:
            connection.close()

    def _handle_controls(self) -> None:
        for control in self._controls:
            self._control(control)
        self._controls.clear()

    def _control(self, packet: codec.Control) -> None:
        if packet.kind == codec.PUBACK:
            self.under_way.discard(packet.body[:2])
            if len(packet.body) > 2 and packet.body[2] >= 0x80:
                self.refused_receipts += 1
        elif packet.kind == codec.SUBACK:
            code = packet.body[-1] if packet.body else 0x80
            if code >= 0x80:
                code = code if self.version == codec.V5 else 0x05
                raise Refused(code, f" (subscribing {self._topic})")
            self.subscribed = True
        elif packet.kind == codec.DISCONNECT:
            raise Refused(packet.body[0] if packet.body else 0)

    def _read(self, timeout: float, bell: socket.socket | None = None) -> int:
        """Reads once, waiting up to timeout seconds or until the bell; the number of bytes."""
        pending = isinstance(self._socket, ssl.SSLSocket) and self._socket.pending()
        if not pending:
            listened = [self._socket] if bell is None else [self._socket, bell]
            if self._socket not in select.select(listened, [], [], timeout)[0]:
                return 0
        data = self._socket.recv(READ_SIZE)
        if not data:
            self._handle_controls()  # a DISCONNECT may have told why
            raise ConnectionResetError("the broker closed the connection")
        self._heard = time.monotonic()
        for packet in self._parser.feed(data):
            if isinstance(packet, codec.Control):
                self._controls.append(packet)
            else:
                self._inbox.append(packet)
        return len(data)

    def _await(self, kind: int) -> bytes:
        """The body of the next packet of that kind; messages that come before it are kept."""
        deadline = time.monotonic() + CONNECT_SECONDS
        while time.monotonic() < deadline:
            self._read(max(0.0, deadline - time.monotonic()))
            for i, control in enumerate(self._controls):
                if control.kind == kind:
                    del self._controls[: i + 1]
                    return control.body
                self._control(control)
            self._controls.clear()
        raise NoAnswer("the broker does not answer")

    def _keep_alive(self) -> None:
        now = time.monotonic()
        if now - self._heard > 1.5 * self.keep_alive:
            raise TimeoutError("the broker has not been heard for too long")
        if now - self._sent > self.keep_alive / 2:
            self._send(codec.PINGREQ_PACKET)

    def _send(self, data: bytes) -> None:
        self._socket.sendall(data)
        self._sent = time.monotonic()

    def _next_id(self) -> int:
        for _ in range(65535):
            self._packet_id = self._packet_id % 65535 + 1
            if self._packet_id.to_bytes(2, "big") not in self.under_way:
                break
        return self._packet_id
