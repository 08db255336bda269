"""What the adapter's console says: how far it has come, what to check, and what to ask again.

watch.py reads these tables at a terminal, and browser/page/stages.js in the browser.
"""

from typing import NamedTuple


class Stage(NamedTuple):
    """A stage on the way to the first reading."""

    name: str
    says: tuple[str, ...]  # any of these on the console: the stage is reached; (): any line
    missing: str  # how far the adapter has come if it is not reached, as a sentence
    questions: tuple[str, ...]  # the answers that may be wrong then


STAGES = (
    Stage("started", (), "the adapter does not start", ()),
    Stage(
        "network",
        ("network: up",),
        "the board is not on the network yet",
        ("wifi.ssid", "wifi_password"),
    ),
    Stage(
        "broker",
        ("broker: connected",),
        "the network is up, but the board does not reach the broker",
        ("broker.host", "broker.port", "broker.user", "broker_password", "broker_ca"),
    ),
    Stage(
        "bytes",
        ("meter: bytes come",),
        "the broker is connected, but the meter sends nothing",
        ("meter.line",),
    ),
    Stage(
        "readings",
        ("meter: readings come", "meter: encrypted telegrams arrive"),
        "the broker is connected and bytes come, but they are no readings",
        ("meter.line", "meter_key", "meter_auth_key"),
    ),
    Stage(
        "published",
        ("first reading published and acknowledged",),
        "readings come, but the broker does not acknowledge them",
        ("broker.user",),
    ),
)
NO_BYTES_S = 25  # the slowest meters in use push every 10 to 15 s
NO_FRAME_S = 25

# What the adapter prints (firmware/adapter) -> what to check, and the answers that may be wrong.
TROUBLE: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    (
        "is the Wi-Fi password right",
        "a wrong password and a router that gives no address look alike; check both",
        ("wifi_password",),
    ),
    ("Wi-Fi driver", "the adapter tries again; if it stays, unplug the board and plug it in", ()),
    (
        "no Wi-Fi of that name",
        "an ESP32 hears 2.4 GHz only; check the name and the distance",
        ("wifi.ssid", "wifi_password"),
    ),
    ("no Ethernet link", "check the cable and the switch", ()),
    (
        "no answer from",
        "NTP: does this network let UDP port 123 out? time.ntp can name another server",
        (),
    ),
    ("not from the CA", "is this the CA that signed the broker's certificate?", ("broker_ca",)),
    (
        "for another host name",
        "the broker's name or address must be in its certificate",
        ("broker.host",),
    ),
    ("has expired", "the broker needs a new certificate", ()),
    ("not valid yet", "is the time right on the NTP server and at the CA?", ()),
    (
        "user or password is wrong",
        "check the user at the broker and the password",
        ("broker_password", "broker.user"),
    ),
    (
        "refuses user and password",
        "check the user at the broker and the password",
        ("broker_password", "broker.user"),
    ),
    (
        "connection was refused",
        "is the broker running, and is it this port?",
        ("broker.host", "broker.port"),
    ),
    (
        "connection was closed",
        "is the broker running, is it this port, and does it use TLS there?",
        ("broker.port",),
    ),
    (
        "no such host name",
        "check the broker's name; with Ethernet it cannot end in .local",
        ("broker.host",),
    ),
    (
        "meter: key:",
        "the meter encrypts; is it this meter's key, and a current one?",
        ("meter_key",),
    ),
    (
        "meter: tag:",
        "the authentication key (often called GAK or AK) is not this meter's",
        ("meter_auth_key",),
    ),
)
NO_BYTES = (
    "the meter sends nothing: check the wiring and the pin, whether the operator has enabled the "
    "port (many do only when asked), and whether the adapter circuit has power"
)
NO_FRAME = (
    "bytes come, but no telegram: baud rate and parity (meter.line), inversion (P1 ports need it), "
    "or a loose contact"
)


class Progress:
    """How far the adapter has come since its start, from the lines of its console."""

    def __init__(self) -> None:
        self._reached: set[str] = set()

    def hear(self, line: str) -> None:
        for stage in STAGES:
            if not stage.says or any(words in line for words in stage.says):
                self._reached.add(stage.name)

    def has(self, name: str) -> bool:
        return name in self._reached

    def failed(self) -> tuple[str, tuple[str, ...]]:
        """The first stage that is not reached, as a sentence, and the answers that may be wrong."""
        stage = next(s for s in STAGES if not self.has(s.name))
        return stage.missing, stage.questions
