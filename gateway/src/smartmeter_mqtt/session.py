"""One connection to a broker, on paho-mqtt, driven by the thread that owns it.

paho's own thread (`loop_start`) makes one select() and one wake-up for each packet: half of its
total cost. So paho is driven through its interface for external loops, and what has come is
handed over in batches. Each connection has a new paho client: of a lost one nothing lives on.
"""

import select
import socket
import ssl
import sys
import threading
import time
from dataclasses import dataclass
from typing import Literal, NamedTuple

from paho.mqtt.client import (
    MQTT_CLEAN_START_FIRST_ONLY,
    Client,
    ConnectFlags,
    DisconnectFlags,
    MQTTMessage,
)
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from smartmeter_service.errors import reason_of
from smartmeter_service.tls import tls_context

from .reasons import (
    KEEP_ALIVE_TIMEOUT,
    NOT_AUTHORIZED,
    PROTOCOL_ERROR,
    SESSION_TAKEN_OVER,
    UNSPECIFIED,
    WRONG_VERSION,
    reason,
)
from .settings import BrokerSettings
from .wakeup import Wakeup

MQTT5 = MQTTProtocolVersion.MQTTv5
MQTT311 = MQTTProtocolVersion.MQTTv311

# paho gives up a silent broker at twice the keep-alive, so this finds it within 30 s.
_KEEP_ALIVE_S = 15
_CONNECT_S = 5.0  # for TCP, and again for TLS
_ANSWER_S = 5.0  # some brokers of 3.1.1 (amqtt) keep silent when a client of MQTT 5 comes
_GOODBYE_S = 1.0
_READ_BYTES = 256 * 1024  # payload of one turn, so that what was read is soon acted upon
_RECEIVE_MAXIMUM = 65_535  # if the broker does not set it (MQTT 5.0, 3.2.2.3.3)
_REFUSED = 0x80  # and above: reason codes of a refusal (MQTT 5.0, 2.4)


class SessionError(Exception):
    """Why there is no connection, or why it has ended: a sentence for a person."""


class Refused(SessionError):
    """The broker answered, and the answer was no. `code` is of MQTT 5.0, 2.4."""

    def __init__(self, text: str, code: int) -> None:
        super().__init__(f"{text}: {reason(code)}")
        self.code = code

    @property
    def taken_over(self) -> bool:
        """Whether another client has connected with our client id."""
        return self.code == SESSION_TAKEN_OVER


class Unanswered(SessionError):
    """It did not accept our CONNECT, and did not say no either: perhaps the version is wrong."""


class Message(NamedTuple):
    """A PUBLISH from the broker. The topic is empty if it is not UTF-8."""

    topic: str
    payload: bytes
    packet_id: int  # for ack(); 0 at QoS 0, which needs none
    retained: bool


class Answer(NamedTuple):
    """The broker's PUBACK to what we published."""

    packet_id: int
    code: int

    @property
    def refused(self) -> bool:
        return self.code >= _REFUSED


@dataclass(frozen=True)
class ConnectOptions:
    """What CONNECT asks for.

    session_s: how long the broker keeps our subscription and its messages while we are away.
    receive_maximum: messages that it may send before we acknowledge the first; MQTT 5 only.
    will: topic and payload that it publishes, retained, when we are lost.
    """

    client_id: str
    session_s: int = 0
    receive_maximum: int = 1000
    will: tuple[str, bytes] | None = None


def connect(
    settings: BrokerSettings,
    options: ConnectOptions,
    wakeup: Wakeup,
    stopping: threading.Event | None = None,
) -> "Session":
    """Connect by MQTT 5, or by 3.1.1 if the broker does not accept 5. Raises SessionError.

    stopping: once it is set, the broker's answer is waited for no longer.
    """
    if settings.mqtt5:
        try:
            return Session(settings, options, MQTT5, wakeup, stopping)
        except Unanswered:
            if stopping and stopping.is_set():
                raise
    return Session(settings, options, MQTT311, wakeup, stopping)


class Session:
    """A connection that stands. The owner's thread calls subscribe(), turn() and close().

    publish() and ack() may come from any thread, also after the end; they wake its thread.
    """

    def __init__(
        self,
        settings: BrokerSettings,
        options: ConnectOptions,
        version: MQTTProtocolVersion,
        wakeup: Wakeup,
        stopping: threading.Event | None,
    ) -> None:
        """Connect and wait for the broker's answer. Raises SessionError."""
        self.version = version
        self.receive_maximum = _RECEIVE_MAXIMUM  # publishes that may wait for their PUBACK
        self.packet_maximum: int | None = None  # bytes, if the broker gives a bound
        self.subscribed = False
        self._settings = settings
        self._wakeup = wakeup
        self._answered = False
        self._end: SessionError | None = None
        self._network_error: BaseException | None = None
        self._topic = ""
        self._messages: list[Message] = []
        self._answers: list[Answer] = []
        self._handled = 0  # packets that paho has called us for
        self._bytes = 0
        self._publishing = threading.Lock()
        self._published = 0
        self._acknowledged = 0
        self._client = self._new_client(options)
        self._open(options)
        connection = self._client.socket()
        if connection is None:
            raise self._reason()
        self._connection: socket.socket = connection  # type: ignore[assignment]
        self._poll = select.poll()
        self._poll.register(wakeup, select.POLLIN)
        self._polled = select.POLLIN
        self._poll.register(self._connection, self._polled)
        try:
            self._await_answer(stopping)
        except SessionError:
            self._connection.close()
            raise
        # From here on paho must not format log lines, for each packet has one.
        self._client.on_log = None

    def _new_client(self, options: ConnectOptions) -> Client:
        five = self.version == MQTT5
        client = Client(
            CallbackAPIVersion.VERSION2,
            options.client_id,
            clean_session=None if five else not options.session_s,
            protocol=self.version,
            reconnect_on_failure=False,
            manual_ack=True,
        )
        client.connect_timeout = _CONNECT_S
        client.max_inflight_messages_set(0)  # the owner counts; paho's own way walks all of them
        if self._settings.user is not None:
            client.username_pw_set(self._settings.user, self._settings.password)
        if options.will:
            client.will_set(*options.will, qos=1, retain=True)
        client.on_log = self._on_log
        client.on_socket_open = self._on_socket_open
        client.on_socket_register_write = self._on_socket_register_write
        client.on_connect = self._on_connect
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        client.on_publish = self._on_publish
        client.on_disconnect = self._on_disconnect
        return client

    def _open(self, options: ConnectOptions) -> None:
        settings = self._settings
        clean_start: bool | Literal[3] = MQTT_CLEAN_START_FIRST_ONLY  # the default; of 5 alone
        properties = None
        if self.version == MQTT5:
            clean_start = not options.session_s
            properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
            properties.SessionExpiryInterval = options.session_s
            properties.ReceiveMaximum = options.receive_maximum
        try:
            if settings.tls:
                context = tls_context(settings.ca, settings.certificate, settings.key)
                self._client.tls_set_context(context)
            self._client.connect(
                settings.host,
                settings.port,
                _KEEP_ALIVE_S,
                clean_start=clean_start,
                properties=properties,
            )
        except (ConnectionResetError, BrokenPipeError, ssl.SSLEOFError) as why:
            hint = "; perhaps it does not speak TLS on this port" if settings.tls else ""
            raise SessionError(f"{reason_of(why)}{hint}") from None
        except (OSError, ValueError) as why:
            raise SessionError(reason_of(why)) from None

    def _await_answer(self, stopping: threading.Event | None) -> None:
        until = time.monotonic() + _ANSWER_S
        while not self._answered:
            if stopping and stopping.is_set():
                raise SessionError("this program is ending")
            if time.monotonic() > until:
                raise Unanswered("the broker does not answer")
            self._exchange(0.2)
            self._raise_if_ended()

    def subscribe(self, topic: str) -> None:
        """Ask for it at QoS 1. Later `subscribed` is true, or turn() raises Refused."""
        self._topic = topic
        self._client.subscribe(topic, qos=1)

    def publish(self, topic: str, payload: bytes, retain: bool = False) -> int:
        """Publish at QoS 1 and return the packet id that the Answer will have.

        The owner keeps `unacknowledged` below `receive_maximum`.
        """
        with self._publishing:
            self._published += 1
        while True:
            made = self._client.publish(topic, payload, qos=1, retain=retain)
            # The counter of packet ids has come round to one that is still in flight.
            if made.rc != MQTTErrorCode.MQTT_ERR_QUEUE_SIZE:
                return made.mid

    def ack(self, packet_ids: list[int]) -> None:
        """Acknowledge messages; those of QoS 0 have the id 0 and are passed over."""
        for packet_id in packet_ids:
            if packet_id:
                self._client.ack(packet_id, 1)

    @property
    def unacknowledged(self) -> int:
        """What was published and has no Answer yet."""
        return self._published - self._acknowledged

    @property
    def is_idle(self) -> bool:
        """Whether nothing is in flight to the broker."""
        return not (self.unacknowledged or self._client.want_write())

    def turn(
        self, timeout: float, linger: float = 0.0, reading: bool = True
    ) -> tuple[list[Message], list[Answer]]:
        """Wait up to `timeout` seconds for the broker or a wake(); then read and write.

        linger: seconds that what has come may lie, so that more can be read with it.
        reading False leaves what comes to the network and to the broker.
        Raises SessionError once the connection has ended and everything before it was returned.
        """
        self._raise_if_ended()
        self._exchange(timeout, linger, reading)
        messages, self._messages = self._messages, []
        answers, self._answers = self._answers, []
        if not (messages or answers):
            self._raise_if_ended()
        return messages, answers

    def close(self) -> None:
        """Say goodbye. What was published before still goes out, for up to a second.

        So wait for its PUBACKs: a broker that cannot write them to us any more drops what it has
        not yet read.
        """
        until = time.monotonic() + _GOODBYE_S
        while self.unacknowledged and self._is_open and time.monotonic() < until:
            self._exchange(0.1)
        self._client.disconnect()
        poll = select.poll()
        while self._client.socket() is not None and time.monotonic() < until:
            poll.register(self._connection, select.POLLOUT)
            poll.poll(100)
            self._client.loop_write()
        self._connection.close()

    def _exchange(self, timeout: float, linger: float = 0.0, reading: bool = True) -> None:
        client, connection = self._client, self._connection
        # TLS may hold back bytes that poll() does not see.
        pending = reading and isinstance(connection, ssl.SSLSocket) and connection.pending() > 0
        self._poll_for(
            (select.POLLIN if reading else 0) | (select.POLLOUT if client.want_write() else 0)
        )
        number = connection.fileno()
        ready = dict(self._poll.poll(0 if pending else timeout * 1000))
        if self._wakeup.fileno() in ready:
            self._wakeup.clear()
        drained = reading
        events = ready.get(number, 0)
        # A broken connection is read in any case: poll() would not wait for it.
        if pending or events & ~select.POLLOUT:
            if linger:
                time.sleep(linger)
            drained = self._read()
        # It ends the connection if a PINGRESP is late, so first read what may contain one.
        if drained:
            client.loop_misc()
        if client.want_write():
            client.loop_write()

    def _poll_for(self, events: int) -> None:
        if events != self._polled:
            self._polled = events
            self._poll.modify(self._connection, events)

    def _read(self) -> bool:
        """Read what lies there; False if there may be more than belongs in one turn."""
        self._bytes = 0
        while self._bytes < _READ_BYTES:
            before = self._handled
            self._client.loop_read()
            if self._handled == before or self._client.socket() is None:
                return True
        return False

    @property
    def _is_open(self) -> bool:
        return self._client.socket() is not None and self._end is None

    def _raise_if_ended(self) -> None:
        if not self._is_open:
            raise self._reason()

    def _reason(self) -> SessionError:
        if self._end is not None:
            return self._end
        if self._answered:
            return SessionError("the connection was lost")
        if isinstance(self._network_error, ssl.SSLError) and not isinstance(
            self._network_error, ssl.SSLEOFError
        ):
            return SessionError(reason_of(self._network_error))
        # It may have closed before the alert that says why came through.
        hint = "it wants TLS"
        if self._settings.tls:
            hint = "it does not " + (
                "accept our certificate"
                if self._settings.certificate
                else "do without a certificate"
            )
        text = "the broker closed the connection before it answered"
        return Unanswered(f"{text}; perhaps {hint}")

    # paho's callbacks. They only note, so that no fault of an owner comes up inside of paho.

    def _on_log(self, client: Client, data: object, level: int, text: str) -> None:
        # paho keeps network errors to itself; while it logs one, it is the one being handled.
        self._network_error = sys.exception() or self._network_error

    def _on_socket_open(self, client: Client, data: object, connection: object) -> None:
        if isinstance(connection, socket.socket):
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def _on_socket_register_write(self, client: Client, data: object, connection: object) -> None:
        self._wakeup.wake()

    def _on_connect(
        self,
        client: Client,
        data: object,
        flags: ConnectFlags,
        code: ReasonCode,
        properties: Properties | None,
    ) -> None:
        if code.is_failure:
            refused = Refused("the broker refuses us", code.value)
            self._end = Unanswered(str(refused)) if code.value in WRONG_VERSION else refused
            return
        self._answered = True
        self.receive_maximum = getattr(properties, "ReceiveMaximum", _RECEIVE_MAXIMUM)
        self.packet_maximum = getattr(properties, "MaximumPacketSize", None)

    def _on_subscribe(
        self,
        client: Client,
        data: object,
        packet_id: int,
        codes: list[ReasonCode],
        properties: Properties | None,
    ) -> None:
        self._handled += 1
        code = codes[0].value if codes else UNSPECIFIED
        if code < _REFUSED:
            self.subscribed = True
            return
        if self.version == MQTT311 and code == UNSPECIFIED:
            code = NOT_AUTHORIZED  # 3.1.1 has one code for every refusal; this is the usual one
        self._end = Refused(f"the broker refuses the subscription to {self._topic}", code)

    def _on_message(self, client: Client, data: object, message: MQTTMessage) -> None:
        self._handled += 1
        payload = bytes(message.payload)
        self._bytes += len(payload)
        try:
            topic = message.topic
        except UnicodeDecodeError:
            topic = ""
        self._messages.append(Message(topic, payload, message.mid, message.retain))

    def _on_publish(
        self,
        client: Client,
        data: object,
        packet_id: int,
        code: ReasonCode,
        properties: Properties | None,
    ) -> None:
        self._handled += 1
        self._acknowledged += 1
        self._answers.append(Answer(packet_id, code.value))

    def _on_disconnect(
        self,
        client: Client,
        data: object,
        flags: DisconnectFlags,
        code: ReasonCode,
        properties: Properties | None,
    ) -> None:
        if self._end is not None:
            return
        if flags.is_disconnect_packet_from_server:
            self._end = Refused("the broker ended the connection", code.value)
        elif code.value == KEEP_ALIVE_TIMEOUT:
            self._end = SessionError("the broker is silent")
        elif code.value == PROTOCOL_ERROR:
            kind = SessionError if self._answered else Unanswered
            self._end = kind("what it sends is not MQTT")
