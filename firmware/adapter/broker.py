"""The broker: umqtt.simple, cured from outside of what it does not do.

It gets its connection from link.py (one record a packet, one time limit), its packet id is
wrapped before it leaves 16 bits, it is pinged, and whatever it raises becomes BrokerError.
"""

import tls
from umqtt import simple

from . import link

KEEPALIVE_S = 60
_ANSWER_MS = 5_000  # the longest a publish may take
_HANDSHAKE_MS = 10_000  # of TLS and MQTT together; an ESP32 takes 1 to 3 s

# The words of mbed TLS (x509_crt.c) -> ours, most telling first.
_CERTIFICATE = (
    ("signed by the trusted CA", "its certificate is not from the CA that the settings name"),
    ("does not match", "its certificate is for another host name"),
    ("expired", "its certificate has expired"),
    ("future", "its certificate is not valid yet; is the clock right?"),
)
# MQTT 3.1.1, section 3.2.2.3
_REFUSED = {
    1: "it does not speak MQTT 3.1.1",
    2: "it refuses this client id",
    3: "it is not available",
    4: "user or password is wrong",
    5: "it refuses user and password",
}


class BrokerError(Exception):
    """Why the broker cannot be used now, in one sentence."""


class _Client(simple.MQTTClient):
    def publish(self, topic, msg, retain=False, qos=0):
        if self.pid >= 65535:  # the next would be 0, which MQTT forbids, and then 17 bits long
            self.pid = 0
        super().publish(topic, msg, retain, qos)


class _Opened:
    """Stands for `socket` in umqtt's module: hands out the connection that is already open."""

    def __init__(self, opened):
        self._opened = opened

    def socket(self, *_):
        return self._opened

    def getaddrinfo(self, *_):
        return [(None,)]


def context(ca, certificate, key):
    """A TLS context that verifies the peer against ca (PEM or DER); ValueError where it is none."""
    made = tls.SSLContext(tls.PROTOCOL_TLS_CLIENT)  # begins at CERT_REQUIRED
    made.load_verify_locations(ca)
    if certificate:
        made.load_cert_chain(certificate, key)
    return made


class Broker:
    """One connection at a time. Every method but connect() blocks for 5 s at most."""

    def __init__(self, settings, client_id, password, security, meanwhile):
        self._host = settings["host"]
        self._port = settings["port"]
        user = settings["user"]
        self._user = user.encode() if user else None
        self._password = (password or b"") if user else None
        self._client_id = client_id.encode()
        self._security = security
        self._meanwhile = meanwhile
        self._link = None
        self._client = None

    @property
    def connected(self):
        return self._client is not None

    async def connect(self, will_topic, will):
        self.close()
        try:
            sock = await link.connect(self._host, self._port)
        except (OSError, IndexError) as why:
            raise BrokerError("%s port %d: %s" % (self._host, self._port, _reason(why)))
        self._link = link.Link(sock, self._meanwhile)
        self._link.allow(_HANDSHAKE_MS)
        client = _Client(
            self._client_id,
            self._host,
            self._port,
            self._user,
            self._password,
            keepalive=KEEPALIVE_S,
        )
        client.set_last_will(will_topic.encode(), will, retain=True, qos=1)
        self._do(lambda: self._sign_on(client))
        self._client = client

    def _sign_on(self, client):
        if self._security:
            self._link.encipher(self._security, self._host)
        simple.socket = _Opened(self._link)
        client.connect()

    def publish(self, topic, payload, retain=False):
        """At QoS 1; returns once the broker has acknowledged it."""
        self._link.allow(_ANSWER_MS)
        self._do(lambda: self._client.publish(topic.encode(), payload, retain, 1))

    def ping(self):
        """Asks whether the broker is there, and waits for its answer."""
        self._link.allow(_ANSWER_MS)
        self._do(self._ping)

    def _ping(self):
        self._client.ping()
        self._client.wait_msg()

    def _do(self, action):
        """umqtt's errors come as OSError, ValueError, AssertionError, IndexError, TypeError ..."""
        try:
            action()
        except simple.MQTTException as why:
            self.close()
            code = why.args[0] if why.args else 0
            raise BrokerError(_REFUSED.get(code, "it refuses with code %s" % code))
        except Exception as why:
            late = self._link.late
            self.close()
            raise BrokerError("no answer in time" if late else _reason(why))

    def close(self):
        if self._link:
            self._link.close()
        self._link = self._client = None


def _reason(why):
    text = str(why)
    if isinstance(why, ValueError):
        for words, ours in _CERTIFICATE:
            if words in text:
                return ours
    number = why.errno if isinstance(why, OSError) else None
    if number in (111, 104):  # ECONNREFUSED, ECONNRESET: the same on lwIP and Linux
        return "the connection was refused" if number == 111 else "the connection was closed"
    if number in (110, 116):  # ETIMEDOUT on Linux, on an ESP32
        return "no answer in time"
    if number in (-2, -3, -202, 202):  # EAI_NONAME, EAI_AGAIN; lwIP's EAI_FAIL
        return "no such host name, or no name server"
    return "%s: %s" % (type(why).__name__, text)
