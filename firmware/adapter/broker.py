"""The broker: umqtt.simple, patched from outside.

connection.py gives it a connection with one record a packet and one time limit. Its packet id wraps
within 16 bits, it sends pings, and everything it raises becomes BrokerError.
"""

import tls
from umqtt import simple

from . import connection
from .console import say

TYPE_CHECKING = False  # what follows is for mypy; a device has no typing
if TYPE_CHECKING:
    from collections.abc import Callable

    from .settings import Section

KEEPALIVE_S = 60
_ANSWER_MS = 5_000  # the longest a publish may take
_HANDSHAKE_MS = 10_000  # of TLS and MQTT together; an ESP32 takes 1 to 3 s

_STARVED = "no memory for a connection"
# ENOMEM, for MBEDTLS_ERR_SSL_ALLOC_FAILED too; and MBEDTLS_ERR_MPI_ALLOC_FAILED, -16, which the
# port takes for an errno (modtls_mbedtls.c). The others come by their names.
_NO_MEMORY = (12, 16)
_EXPIRED = "its certificate has expired"
_NOT_YET = "its certificate is not valid yet; is the clock right?"


class BrokerError(Exception):
    """Why the broker cannot be used at the moment; one sentence."""


class _Client(simple.MQTTClient):
    def publish(self, topic: bytes, msg: bytes, retain: bool = False, qos: int = 0) -> None:
        if self.pid >= 65535:  # the next would be 0, which MQTT forbids, and then 17 bits long
            self.pid = 0
        super().publish(topic, msg, retain, qos)


class _Opened:
    """Replaces `socket` in umqtt's module: returns the connection that is already open."""

    def __init__(self, opened: connection.Connection) -> None:
        self._opened = opened

    def socket(self, *_: object) -> connection.Connection:
        return self._opened

    def getaddrinfo(self, *_: object) -> "list[tuple[None]]":
        return [(None,)]


def context(ca: bytes, certificate: bytes | None, key: bytes | None) -> tls.SSLContext:
    """A TLS context that verifies the peer against ca (PEM or DER); ValueError if it is not one."""
    made = tls.SSLContext(tls.PROTOCOL_TLS_CLIENT)  # begins at CERT_REQUIRED
    made.load_verify_locations(ca)
    if certificate:
        made.load_cert_chain(certificate, key)
    return made


class Broker:
    """One connection at a time. Every method except connect() blocks for at most 5 s."""

    def __init__(
        self,
        settings: "Section",
        client_id: str,
        password: bytes | None,
        security: tls.SSLContext | None,
        meanwhile: "Callable[[], None]",
    ) -> None:
        self._host = settings["host"]
        self._port = settings["port"]
        user = settings["user"]
        self._user = user.encode() if user else None
        self._password = (password or b"") if user else None
        self._client_id = client_id.encode()
        self._security = security
        self._meanwhile = meanwhile
        self._link: connection.Connection | None = None
        self._client: _Client | None = None
        self._topic = ""
        self._taker: "Callable[[bytes], None] | None" = None
        self.deaf = ""  # why commands do not arrive; one sentence
        self.dated = False  # whether the last connection failed because of the time of day
        self.starved = 0  # connections in a row without enough memory

    @property
    def connected(self) -> bool:
        return self._client is not None

    def take(self, topic: str, taker: "Callable[[bytes], None]") -> None:
        """Delivers messages on topic to taker, from the next connect() on."""
        self._topic = topic
        self._taker = taker

    async def connect(self, will_topic: str, will: bytes) -> None:
        self.close()
        try:
            sock = await connection.connect(self._host, self._port)
        except (OSError, IndexError, MemoryError) as why:
            reason = _reason(why)
            self.starved = self.starved + 1 if reason == _STARVED else 0
            raise BrokerError("%s port %d: %s" % (self._host, self._port, reason))
        opened = self._link = connection.Connection(sock, self._meanwhile)
        opened.allow(_HANDSHAKE_MS)
        client = _Client(
            self._client_id,
            self._host,
            self._port,
            self._user,
            self._password,
            keepalive=KEEPALIVE_S,
        )
        client.set_last_will(will_topic.encode(), will, retain=True, qos=1)
        self.dated = False
        self._do(lambda: self._sign_on(client, opened))
        self.starved = 0
        self._client = client

    def _sign_on(self, client: _Client, opened: connection.Connection) -> None:
        opened.begin(self._security, self._host)
        simple.socket = _Opened(opened)  # type: ignore[attr-defined]
        client.connect()
        if self._taker:
            client.set_callback(self._taken)
            self.deaf = ""
            try:
                client.subscribe(self._topic.encode(), 1)
            except simple.MQTTException:  # its rules do not let us; readings matter more
                self._lacks("the broker refuses the subscription to %s" % self._topic)

    def _taken(self, topic: bytes, payload: bytes) -> None:
        passed_over = self._link.passed_over if self._link else 0
        if passed_over and self._link:
            self._link.passed_over = 0
            self._lacks("a command of %d bytes is longer than any may be" % passed_over)
        elif self._taker and topic == self._topic.encode():
            self._taker(payload)
            if self._link:  # that took our time, not the broker's
                self._link.allow(_ANSWER_MS)

    def _lacks(self, why: str) -> None:
        if why != self.deaf:
            say("broker", why)
        self.deaf = why

    def publish(self, topic: str, payload: bytes, retain: bool = False) -> None:
        """Publishes at QoS 1; returns once the broker has acknowledged."""
        client = self._ready()
        self._do(lambda: client.publish(topic.encode(), payload, retain, 1))

    def ping(self) -> None:
        """Asks whether the broker answers, and waits for its answer."""
        client = self._ready()

        def ask() -> None:
            client.ping()
            client.wait_msg()  # type: ignore[no-untyped-call]

        self._do(ask)

    def check(self) -> None:
        """Reads what the broker has sent, if anything; notices whether it has gone."""
        client = self._ready()

        def look() -> None:
            client.check_msg()  # type: ignore[no-untyped-call]
            if self._link:
                self._link.flush()  # the acknowledgement of what was taken

        self._do(look)

    def _ready(self) -> _Client:
        if self._link is None or self._client is None:
            raise BrokerError("not connected")
        self._link.allow(_ANSWER_MS)
        return self._client

    def _do(self, action: "Callable[[], object]") -> None:
        """umqtt's errors are OSError, ValueError, AssertionError, IndexError, TypeError ..."""
        try:
            action()
        except simple.MQTTException as why:
            self.close()
            raise BrokerError(_refusal(why.args[0] if why.args else 0))
        except Exception as why:
            late = self._link is not None and self._link.late
            self.close()
            reason = "no answer in time" if late else _reason(why)
            self.dated = reason in (_EXPIRED, _NOT_YET)
            self.starved = self.starved + 1 if reason == _STARVED else 0
            raise BrokerError(reason)

    def leave(self) -> None:
        """Ends the connection in order: the broker does not publish the last will."""
        client = self._ready()
        assert self._link
        self._link.leaving = True
        self._do(client.disconnect)
        self.close()

    def close(self) -> None:
        if self._link:
            self._link.close()
        self._link = self._client = None


def _refusal(code: object) -> str:
    """MQTT 3.1.1, section 3.2.2.3."""
    if code == 1:
        return "it does not speak MQTT 3.1.1"
    if code == 2:
        return "it refuses this client id"
    if code == 3:
        return "it is not available"
    if code == 4:
        return "user or password is wrong"
    if code == 5:
        return "it refuses user and password"
    return "it refuses with code %s" % code


def _reason(why: Exception) -> str:
    text = str(why)
    if isinstance(why, ValueError):
        # the words of mbed TLS (x509_crt.c), most telling first
        if "signed by the trusted CA" in text:
            return "its certificate is not from the CA in the settings"
        if "does not match" in text:
            return "its certificate is for another host name"
        if "expired" in text:
            return _EXPIRED
        if "future" in text:
            return _NOT_YET
    if isinstance(why, (AssertionError, IndexError, TypeError)):  # umqtt, of what it reads
        return "what it sends is not valid MQTT"
    number = why.errno if isinstance(why, OSError) else None
    if isinstance(why, MemoryError) or number in _NO_MEMORY or "ALLOC_FAILED" in text:
        return _STARVED
    if number == 111:  # ECONNREFUSED, the same on lwIP and Linux
        return "the connection was refused"
    # ECONNRESET; lwIP's ECONNABORTED and ENOTCONN; MBEDTLS_ERR_SSL_CONN_EOF, ..._PEER_CLOSE_NOTIFY
    if number in (104, 103, 128, -0x7280, -0x7880):
        return "the connection was closed"
    if number in (110, 116):  # ETIMEDOUT on Linux, on an ESP32
        return "no answer in time"
    # EAI_NONAME, EAI_AGAIN; lwIP's EAI_FAIL; ESP_ERR_INVALID_STATE of mDNS
    if number in (-2, -3, -202, 202, -259):
        return "no such host name, or no name server"
    return "%s: %s" % (type(why).__name__, text)
