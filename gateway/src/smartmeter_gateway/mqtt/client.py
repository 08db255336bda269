"""One connection to a broker, kept up: MQTT 5, or 3.1.1 where the broker has no 5."""

import contextlib
import random
import select
import socket
import ssl
import threading
import time
from collections import deque
from collections.abc import Callable

from smartmeter_mqtt import codec
from smartmeter_mqtt.codec import Control, Oversize, ProtocolError, Publish
from smartmeter_mqtt.reasons import WRONG_VERSION, reason

from ..config.settings import BrokerSettings
from ..monitoring.registry import Status
from .certificate_watch import RenewedFiles
from .tls import READ, opened, reason_of, received, sent

_KEEP_ALIVE_S = 20
_ANSWER_S = 5.0  # some brokers of 3.1.1 (amqtt) keep silent where a client of MQTT 5 comes
_RETRY_FIRST_S = 0.25
_RETRY_MAX_S = 30.0
_STEADY_S = 10.0  # a connection that held so long begins the waits anew
_GOODBYE_S = 1.0
_EXPIRY_S = 7 * 86_400  # how long a broker keeps the session of a lasting link
# A read that gives as many messages as a broker's usual window (20) holds is of a rush.
_RUSH = 16
_RUSH_S = 0.5  # how long after such a read nothing is waited for
_MIDS = 65_535
_SUBSCRIBE_MID = 1
_AGAIN = "it connects again, with the renewed certificate"
_PACKET_MAX = 1 << 20  # bytes of a packet that are kept; a longer one is refused by name

Message = Publish | Oversize


class LinkError(Exception):
    """Why a connection could not be had or has ended; for a person."""


class Link:
    """A connection that stands. All methods may be called from any thread, also when it is gone."""

    def __init__(self, version: int, wake: socket.socket) -> None:
        self.receive_maximum = 65_535  # publishes that the broker lets us leave unacknowledged
        self.packet_maximum: int | None = None  # bytes
        self._version = version
        self._wake = wake
        self._out: deque[bytes] = deque()
        self._awake = False
        self._mid = _SUBSCRIBE_MID
        self._busy: set[int] = set()
        self._publishing = threading.Lock()

    def publish(self, topic: str, payload: bytes, retain: bool = False) -> int:
        """Publish at QoS 1; the packet id by which on_published tells of the answer."""
        with self._publishing:
            mid = self._mid % _MIDS + 1
            while mid in self._busy:
                mid = mid % _MIDS + 1
            self._mid = mid
            self._busy.add(mid)
            self.send(codec.publish(mid, topic, payload, self._version, retain))
        return mid

    def ack(self, packet_ids: list[bytes]) -> None:
        """Acknowledge messages."""
        self.send(codec.puback(packet_ids))

    def send(self, packet: bytes) -> None:
        self._out.append(packet)
        if not self._awake:
            self._awake = True
            with contextlib.suppress(OSError):
                self._wake.send(b"\x00")

    def answered(self, mid: int) -> None:
        self._busy.discard(mid)

    def take_out(self) -> bytes:
        """What is to be sent next."""
        self._awake = False
        parts = []
        size = 0
        while self._out and size < READ:
            parts.append(self._out.popleft())
            size += len(parts[-1])
        return b"".join(parts)

    @property
    def has_out(self) -> bool:
        return bool(self._out)

    @property
    def is_idle(self) -> bool:
        """Whether nothing is under way to the broker."""
        return not (self._busy or self._out)


class BrokerLink:
    """A thread that connects, subscribes, says so, reads and writes, and connects again.

    Nothing of a lost connection lives on in the next: what was under way is for the owner to
    send again. The callbacks come in this thread. lasting: the broker keeps the session while
    we are away. gather_s: where few messages come, those of so much time are read together.
    """

    def __init__(
        self,
        name: str,
        settings: BrokerSettings,
        client_id: str,
        subscribe: str,
        status: Status,
        *,
        lasting: bool,
        receive_maximum: int,
        retry_max_s: float = _RETRY_MAX_S,
        gather_s: float = 0.0,
        will: Callable[[], tuple[str, bytes]] | None = None,
    ) -> None:
        self.name = name
        self._settings = settings
        self._client_id = client_id
        self._subscribe = subscribe
        self._status = status
        self._lasting = lasting
        self._receive_maximum = receive_maximum
        self._retry_max_s = retry_max_s
        self._will = will
        self._gather_s = gather_s
        self.on_up: Callable[[Link], None] = lambda link: None
        self.on_down: Callable[[], None] = lambda: None
        self.on_messages: Callable[[Link, list[Message]], None] = lambda link, messages: None
        self.on_published: Callable[[Link, list[tuple[int, int]]], None] = lambda link, codes: None
        self._first_version = codec.V5 if settings.five else codec.V311
        self._version = self._first_version
        self._wake, self._woken = socket.socketpair()
        self._wake.setblocking(False)
        self._woken.setblocking(False)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self, timeout: float) -> None:
        """Say goodbye to the broker and end; what was published before still goes out."""
        self._stopping.set()
        with contextlib.suppress(OSError):
            self._wake.send(b"\x00")
        self._thread.join(timeout)

    def _run(self) -> None:
        wait = _RETRY_FIRST_S
        while not self._stopping.is_set():
            begin = time.monotonic()
            try:
                with opened(self._settings) as connection:
                    self._serve(connection)
            except (OSError, ValueError, LinkError) as why:  # ssl.SSLError is an OSError
                reason = reason_of(why)
            except Exception:
                self._status.own_fault(self.name)  # our bug; the rest goes on
                reason = "a fault of this program"
            else:
                if self._stopping.is_set():
                    break
                reason = _AGAIN
            self._status.link(self.name, False, reason)
            if time.monotonic() - begin > _STEADY_S:
                wait = _RETRY_FIRST_S
            # A herd of Concentrators that lost the same broker must not come back in one moment.
            self._stopping.wait(wait * random.uniform(0.5, 1.0))  # noqa: S311 (no secret)
            wait = min(wait * 2, self._retry_max_s)

    def _serve(self, connection: socket.socket) -> None:
        """From CONNECT to the end of the connection; returns where we have ended it."""
        settings = self._settings
        files = RenewedFiles(settings)
        link = Link(self._version, self._wake)
        packet = codec.connect(
            self._client_id,
            self._version,
            settings.user,
            settings.password,
            _KEEP_ALIVE_S,
            _EXPIRY_S if self._lasting else 0,
            self._receive_maximum,
            self._will() if self._will else None,
        )
        session = _Session(self, link, self._version)
        try:
            connection.sendall(packet)
            connection.setblocking(False)
            self._exchange(connection, link, session, files)
        except (LinkError, ConnectionError, ssl.SSLEOFError) as why:
            if session.answered:
                raise
            if isinstance(why, LinkError):
                # Perhaps it closes on what it does not understand: the next try is in the other.
                self.other_version()
            hint = "it wants TLS"
            if settings.tls:  # it may have closed before its alert came through
                hint = "it does not " + (
                    "accept our certificate" if settings.certificate else "do without a certificate"
                )
            raise LinkError(f"{reason_of(why)}; perhaps {hint}") from None
        finally:
            if session.up:
                self.on_down()
                self._version = self._first_version

    def other_version(self) -> None:
        if self._version == codec.V5:
            self._version = codec.V311
        else:
            self._version = self._first_version

    def _exchange(
        self, connection: socket.socket, link: Link, session: "_Session", files: RenewedFiles
    ) -> None:
        poll = select.poll()
        poll.register(self._woken, select.POLLIN)
        number = connection.fileno()
        out = b""
        goodbye: float | None = None
        while True:
            poll.register(number, select.POLLIN | (select.POLLOUT if out else 0))
            # TLS may hold back bytes that poll() does not see.
            pending = isinstance(connection, ssl.SSLSocket) and connection.pending()
            ready = dict(poll.poll(0 if pending else session.wait_ms()))
            now = time.monotonic()
            if self._woken.fileno() in ready:
                self._woken.recv(4096)
            if pending or number in ready:
                if self._gather_s and session.is_quiet(now):
                    time.sleep(self._gather_s)
                session.take(received(connection), now)
            ending = self._stopping.is_set() or (link.is_idle and self._renewed(files, now))
            if ending and goodbye is None:
                goodbye = now + _GOODBYE_S
                link.send(codec.DISCONNECT_PACKET)
            session.keep_alive(now)
            while out or link.has_out:
                out = out or link.take_out()
                taken = sent(connection, out)
                if not taken:
                    break
                session.last_out = now
                out = out[taken:]
            if goodbye is not None and (not (out or link.has_out) or now > goodbye):
                return

    def _renewed(self, files: RenewedFiles, now: float) -> bool:
        problem = None
        try:
            if not files.usable(now):
                return False
        except ValueError as why:
            problem = f"{self.name}: the new certificate or key cannot be used: {why}"
        self._status.alarm(f"{self.name}.files", problem)
        return problem is None

    # What a session asks of its link.

    def refused(self, code: int) -> LinkError:
        if code in WRONG_VERSION:
            self.other_version()
        return LinkError(f"the broker refuses us: {reason(code)}")

    def subscription(self) -> bytes:
        return codec.subscribe(_SUBSCRIBE_MID, self._subscribe, self._version)

    def subscribed(self, code: int, link: Link) -> None:
        if code >= 0x80:
            raise LinkError(f"the broker does not let us read {self._subscribe}: {reason(code)}")
        self._status.alarm(f"{self.name}.files", None)
        self._status.link(self.name, True)
        self.on_up(link)


class _Session:
    """What comes in on one connection, and when it was last alive."""

    def __init__(self, owner: BrokerLink, link: Link, version: int) -> None:
        self._owner = owner
        self._link = link
        self._version = version
        self._parser = codec.Parser(version, _PACKET_MAX)
        self._keep_alive = float(_KEEP_ALIVE_S)
        self.answered = False
        self.up = False
        self._rush_until = 0.0
        self._begin = self.last_out = self._last_in = self._last_ping = time.monotonic()

    def wait_ms(self) -> int:
        return 500 if not self.up else 2000

    def keep_alive(self, now: float) -> None:
        """Ping in time; LinkError where the broker is silent for too long."""
        if not self.up:
            if now - self._begin > _ANSWER_S:
                raise LinkError("the broker does not answer")
            return
        if now - self._last_in > self._keep_alive * 1.5:
            raise LinkError("the broker is silent")
        quiet = now - min(self.last_out, self._last_in)
        if min(quiet, now - self._last_ping) > self._keep_alive / 2:
            self._last_ping = now
            self._link.send(codec.PINGREQ_PACKET)

    def is_quiet(self, now: float) -> bool:
        """Whether what comes may lie unread for a moment."""
        return self.up and now > self._rush_until

    def take(self, data: bytes | None, now: float) -> None:
        if data is None:
            return
        if not data:
            raise LinkError(
                "the connection was closed"
                if self.answered
                else "the broker closed the connection before it answered"
            )
        self._last_in = now
        messages: list[Message] = []
        answers: list[tuple[int, int]] = []
        try:
            for packet in self._parser.feed(data):
                if not isinstance(packet, Control):
                    messages.append(packet)
                elif packet.kind == codec.PUBACK:
                    body = packet.body
                    mid = int.from_bytes(body[:2], "big")
                    self._link.answered(mid)
                    answers.append((mid, body[2] if len(body) > 2 else 0))
                else:
                    self._other(packet.kind, packet.body)
        finally:
            if len(messages) + len(answers) >= _RUSH:
                self._rush_until = now + _RUSH_S
            if messages:
                self._owner.on_messages(self._link, messages)
            if answers:
                self._owner.on_published(self._link, answers)

    def _other(self, kind: int, body: bytes) -> None:
        if kind == codec.CONNACK and len(body) >= 2:
            self.answered = True
            if body[1]:
                raise self._owner.refused(body[1])
            if self._version == codec.V5:
                told = codec.properties(body, 2)
                self._link.receive_maximum = int(told.get(codec.RECEIVE_MAXIMUM, 65_535))
                if codec.PACKET_MAXIMUM in told:
                    self._link.packet_maximum = int(told[codec.PACKET_MAXIMUM])
                self._keep_alive = float(told.get(codec.SERVER_KEEP_ALIVE) or _KEEP_ALIVE_S)
            self._link.send(self._owner.subscription())
        elif kind == codec.SUBACK and body:
            self.up = body[-1] < 0x80
            self._owner.subscribed(body[-1], self._link)
        elif kind == codec.DISCONNECT:
            code = body[0] if body else 0
            raise LinkError(f"the broker ended the connection: {reason(code)}")
        elif kind != codec.PINGRESP:
            raise ProtocolError("the broker sends what is no MQTT")
