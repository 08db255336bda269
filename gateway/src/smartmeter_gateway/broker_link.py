"""One connection to a broker, kept up: MQTT 5, or 3.1.1 where the broker has no 5."""

import contextlib
import random
import socket
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from .config import BrokerSettings
from .status import Status

_KEEPALIVE_S = 20
_CONNECT_S = 5.0
_CONNACK_S = 5.0  # some brokers of 3.1.1 (amqtt) keep silent where a client of MQTT 5 comes
_RETRY_FIRST_S = 0.25
_RETRY_MAX_S = 30.0
_STEADY_S = 10.0  # a connection that held so long begins the waits anew
_GOODBYE_S = 1.0
_EXPIRY_S = 7 * 86_400  # how long a broker keeps the session of a lasting link
_PROTOCOLS = (paho.MQTTv5, paho.MQTTv311)
_UNSUPPORTED_PROTOCOL = 132


@dataclass(frozen=True)
class Link:
    """What a broker said when it took us in."""

    client: paho.Client
    receive_maximum: int  # how many publishes may be unacknowledged
    packet_maximum: int | None  # bytes

    def ack(self, mid: int) -> None:
        """Acknowledge a message; on a connection that is gone this does nothing."""
        self.client.ack(mid, 1)


class BrokerLink:
    """A thread that connects, subscribes, says so, waits for the end and connects again.

    Each connection has a paho client of its own, so nothing of a lost one lives on in the
    next: what was under way is for the owner to send again. The callbacks come in the
    connection's network thread. lasting: the broker keeps the session while we are away.
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
        will: Callable[[], tuple[str, bytes]] | None = None,
    ) -> None:
        self.name = name
        self._settings = settings
        self._client_id = client_id
        self._subscribe = subscribe
        self._status = status
        self._lasting = lasting
        self._receive_maximum = receive_maximum
        self._will = will
        self.on_up: Callable[[Link], None] = lambda link: None
        self.on_down: Callable[[], None] = lambda: None
        self.on_message: Callable[[Link, paho.MQTTMessage], None] = lambda link, message: None
        self.on_published: Callable[[Link, int, ReasonCode], None] = lambda link, mid, code: None
        self._protocol = _PROTOCOLS[0]
        self._link: Link | None = None
        self._connecting: Link | None = None
        self._reason = ""
        self._answered = threading.Event()
        self._ended = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self, timeout: float) -> None:
        """Say goodbye to the broker and end; a last publish before this still goes out."""
        self._stopping.set()
        link = self._link
        if link is not None:
            with contextlib.suppress(ValueError, OSError):
                link.client.disconnect()
        self._ended.wait(_GOODBYE_S if link is not None else 0)
        self._ended.set()
        self._thread.join(timeout)

    def _run(self) -> None:
        wait = _RETRY_FIRST_S
        while not self._stopping.is_set():
            begin = time.monotonic()
            if self._connection() and time.monotonic() - begin > _STEADY_S:
                wait = _RETRY_FIRST_S
            if self._stopping.is_set():
                break
            self._status.link(self.name, False, self._reason)
            # A herd of Concentrators that lost the same broker must not come back in one moment.
            self._stopping.wait(wait * random.uniform(0.5, 1.0))  # noqa: S311 (no secret)
            wait = min(wait * 2, _RETRY_MAX_S)

    def _connection(self) -> bool:
        """One connection from begin to end; whether the broker took us in."""
        self._reason = ""
        self._answered.clear()
        self._ended.clear()
        try:
            client = self._client()
            self._connect(client)
        except (OSError, ValueError) as why:  # ssl.SSLError is an OSError
            self._reason = reason_of(why)
            return False
        client.loop_start()
        if not self._answered.wait(_CONNACK_S):
            self._reason = "the broker does not answer"
            self._other_protocol()
        elif self._link is not None:
            self._ended.wait()
        taken_in = self._link is not None
        self._link = self._connecting = None
        if taken_in:
            self.on_down()
        _cut(client)
        client.loop_stop()
        return taken_in

    def _client(self) -> paho.Client:
        settings = self._settings
        five = self._protocol == paho.MQTTv5
        client = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id=self._client_id,
            clean_session=None if five else not self._lasting,
            protocol=self._protocol,
            reconnect_on_failure=False,
            manual_ack=True,
        )
        client.connect_timeout = _CONNECT_S
        client.max_inflight_messages_set(0)  # the owner counts
        if settings.user is not None:
            client.username_pw_set(settings.user, settings.password)
        if settings.tls:
            client.tls_set_context(tls_context(settings))
        if self._will:
            topic, payload = self._will()
            client.will_set(topic, payload, qos=1, retain=True)
        client.on_socket_open = _without_delay
        client.on_connect = self._on_connect
        client.on_subscribe = self._on_subscribe
        client.on_disconnect = self._on_disconnect
        client.on_message = self._on_message
        client.on_publish = self._on_publish
        return client

    def _connect(self, client: paho.Client) -> None:
        host, port = self._settings.host, self._settings.port
        if self._protocol != paho.MQTTv5:
            client.connect(host, port, _KEEPALIVE_S)
            return
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.ReceiveMaximum = self._receive_maximum
        if self._lasting:
            properties.SessionExpiryInterval = _EXPIRY_S
        client.connect(
            host, port, _KEEPALIVE_S, clean_start=not self._lasting, properties=properties
        )

    def _other_protocol(self) -> None:
        self._protocol = _PROTOCOLS[1 - _PROTOCOLS.index(self._protocol)]

    def _on_connect(
        self, client: paho.Client, _: Any, flags: Any, code: ReasonCode, properties: Any
    ) -> None:
        if code.is_failure:
            self._reason = f"the broker refuses us: {str(code).lower()}"
            if code.value == _UNSUPPORTED_PROTOCOL:
                self._other_protocol()
            self._answered.set()
            return
        self._connecting = Link(
            client,
            int(getattr(properties, "ReceiveMaximum", 65535)),
            getattr(properties, "MaximumPacketSize", None),
        )
        client.subscribe(self._subscribe, 1)

    def _on_subscribe(
        self, client: paho.Client, _: Any, mid: int, codes: list[ReasonCode], properties: Any
    ) -> None:
        if codes and codes[0].is_failure:
            self._reason = f"the broker does not let us read {self._subscribe}: {codes[0]}"
        elif self._connecting and self._connecting.client is client:
            self._link = self._connecting
            self._status.link(self.name, True)
            self.on_up(self._link)
        self._answered.set()

    def _on_disconnect(
        self, client: paho.Client, _: Any, flags: Any, code: ReasonCode, properties: Any
    ) -> None:
        if not self._answered.is_set() and not self._reason:
            self._reason = "the broker closed the connection before it answered"
            if self._settings.certificate:
                self._reason += "; it may not accept our certificate"
            self._other_protocol()
        if not self._reason:
            self._reason = f"connection lost ({code})"
        self._answered.set()
        self._ended.set()

    def _on_message(self, client: paho.Client, _: Any, message: paho.MQTTMessage) -> None:
        link = (
            self._connecting
        )  # a lasting session's messages come before the subscription's answer
        if link is not None and link.client is client:
            self.on_message(link, message)

    def _on_publish(
        self, client: paho.Client, _: Any, mid: int, code: ReasonCode, properties: Any
    ) -> None:
        link = self._link
        if link is not None and link.client is client:
            self.on_published(link, mid, code)


def _without_delay(client: paho.Client, _: Any, connection: Any) -> None:
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _cut(client: paho.Client) -> None:
    """End the connection whatever state it is in, so that its thread ends."""
    connection = client.socket()
    if isinstance(connection, socket.socket):
        with contextlib.suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)


def tls_context(settings: BrokerSettings) -> ssl.SSLContext:
    """What verifies the broker, by its CA or the system's, and shows our certificate."""
    context = ssl.create_default_context(cafile=settings.ca)
    if settings.certificate:
        context.load_cert_chain(settings.certificate, settings.key)
    return context


def reason_of(why: BaseException) -> str:
    """Why a connection failed, in words for a person."""
    if isinstance(why, ssl.SSLCertVerificationError):
        return f"its certificate is not valid: {why.verify_message}"
    if isinstance(why, ssl.SSLError):
        return f"TLS failed: {(why.reason or str(why)).replace('_', ' ').lower()}"
    if isinstance(why, socket.gaierror):
        return "its name is not known here"
    if isinstance(why, TimeoutError):
        return "it does not answer"
    if isinstance(why, OSError) and why.strerror:
        return why.strerror.lower()
    return str(why)
