"""`check`: try what the settings name, and say line by line whether it works."""

import os
import shutil
import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

from smartmeter.submeters import main_of
from smartmeter.wire import refusal, topics
from smartmeter_mqtt import client_ids
from smartmeter_mqtt.reasons import reason
from smartmeter_mqtt.session import (
    MQTT5,
    Answer,
    ConnectOptions,
    Session,
    SessionError,
    connect,
)
from smartmeter_mqtt.settings import BrokerSettings
from smartmeter_mqtt.wakeup import Wakeup
from smartmeter_service.certificates import check_certificate
from smartmeter_service.loopback import is_loopback

from ..config.settings import (
    CloudSettings,
    Config,
    EmbeddedSettings,
    SpoolSettings,
)
from ..integrations import home_assistant
from ..integrations.home_assistant import House
from ..integrations.lan_publisher import OFFLINE
from ..monitoring.registry import LAN
from ..monitoring.states import Facts
from ..spool.database import is_in_use
from ..uplink.forwarder import NAME as UPLINK
from .serial_scan import Result, listen_to_all

_BROKER_S = 15.0
# Other clients of the house's broker send larger packets than adapters: images, lists of devices.
_LAN_PACKET_BYTES = 10_000_000
_NOBODY = "check"  # a meter that there is not, so that what is published harms nobody


def check(config: Config, seconds: float) -> Iterator[Result]:
    """Try everything in the settings; read each port for that long."""
    yield True, f"settings: concentrator {config.id}"
    yield from _ids(config)
    yield _spool(config.spool)
    if isinstance(config.lan, BrokerSettings):
        yield from _lan_broker(config.lan, config)
    if config.cloud:
        yield from _cloud_broker(config.cloud, config)
    else:
        yield True, "cloud: none; readings stay here"
    if is_in_use(config.spool.path):
        yield (
            True,
            "the running Concentrator uses its ports; see `smartmeter-gateway status`",
        )
        return
    yield from _listening(config)
    yield from listen_to_all(config.ports, seconds, until_reading=True)


def _ids(config: Config) -> Iterator[Result]:
    """Ids that a sub-meter might have: they work, but a new meter should not get one."""
    for id in [*(meter.id for meter in config.meters), *(port.meter for port in config.ports)]:
        if main_of(id):
            yield True, f"meter {id}: ids that end in -1 to -8 are for sub-meters; avoid them"


def _listening(config: Config) -> Iterator[Result]:
    """Whether the ports to listen on are available."""
    if isinstance(config.lan, EmbeddedSettings):
        safe = "TLS" if config.lan.certificate else "without TLS"
        label = f"the broker inside ({safe}, users {', '.join(config.lan.users)})"
        free, text = _bound(label, config.lan.host, config.lan.port)
        alone = free and is_loopback(config.lan.host)
        yield free, f"{text}; no other machine reaches it" if alone else text
    if config.http:
        yield _bound("local page", config.http.host, config.http.port)
    for one in config.emulations:
        label = f"{one.device} with meter {one.meter}, which anyone on the LAN can read there,"
        if one.port is not None:
            yield _bound(label, one.host, one.port)
        if one.udp_port is not None:
            yield _bound(label, one.host, one.udp_port, socket.SOCK_DGRAM)


def _bound(label: str, host: str, port: int, kind: int = socket.SOCK_STREAM) -> Result:
    where = f"{label} on {host}:{port}"
    try:
        if kind == socket.SOCK_STREAM:
            socket.create_server((host, port)).close()
        else:
            with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, kind) as tried:
                tried.bind((host, port))
    except OSError as why:  # whose strerror tells the address again
        return False, f"{where}: {os.strerror(why.errno or 0).lower()}"
    return True, f"{where}: the port is free"


def _spool(settings: SpoolSettings) -> Result:
    folder = settings.path.parent
    if settings.path.exists() and not settings.path.is_file():
        return False, f"spool: {settings.path} exists and is not a file; choose another name"
    try:
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as why:
        reason = (why.strerror or str(why)).lower()
        return False, f"spool: {folder} cannot be written by this user: {reason}"
    free = shutil.disk_usage(folder).free
    if free < settings.megabytes * 1_000_000:
        return False, (
            f"spool: {free // 1_000_000} MB free in {folder}, but it may need "
            f"{settings.megabytes} MB; lower spool.megabytes"
        )
    return True, f"spool: {settings.path}, at most {settings.megabytes} MB and {settings.days} days"


def _lan_broker(settings: BrokerSettings, config: Config) -> Iterator[Result]:
    if settings.certificate and settings.key:
        fine, line = check_certificate(settings.certificate, settings.key)
        yield fine, f"{LAN}: {line}"
    publishes = {
        topics.uplink(config.id, _NOBODY, topics.STATE): b"",
        topics.meter(_NOBODY, topics.STATUS): b"",  # `forget` withdraws it
    }
    if not is_in_use(config.spool.path):  # consumers would believe it
        publishes[topics.concentrator_status(config.id)] = OFFLINE
    if config.home:
        house = House(config.home.prefix, config.id, single=config.home.discovery == "single")
        messages = home_assistant.of_meter(house, _NOBODY, Facts(None, ()))
        publishes |= {topic: b"" for topic, payload in messages.items() if payload}
    tried = _Trial(LAN, settings, config.id)
    yield from tried.run(topics.ALL_METERS, publishes)
    # With 3.1.1 a broker does not report its limit.
    if tried.is_mqtt5 and tried.packet_maximum is None:
        yield (
            True,
            f"{LAN}: it accepts packets of any size, which may fill the memory; "
            f"set max_packet_size {_LAN_PACKET_BYTES} in its mosquitto.conf",
        )


def _cloud_broker(settings: CloudSettings, config: Config) -> Iterator[Result]:
    id = config.id
    if settings.certificate and settings.key:
        fine, line = check_certificate(
            settings.certificate, settings.key, bool(settings.enroll_url), id
        )
        yield fine, f"{UPLINK}: {line}"
    publishes = {topics.uplink(id, _NOBODY, topics.STATUS): b""}
    yield from _Trial(UPLINK, settings, id).run(refusal.every_answer(id), publishes)


class _Trial:
    """A broker, as the Concentrator will use it.

    Afterwards: is_mqtt5, and packet_maximum in bytes, None if the broker gives no bound.
    """

    def __init__(self, what: str, settings: BrokerSettings, id: str) -> None:
        self._where = f"{what} {settings.host}:{settings.port}"
        self._rules = "broker-rules --lan" if what == LAN else "broker-rules"
        self._settings = settings
        self._options = ConnectOptions(client_ids.of_check(id))
        self.is_mqtt5 = False
        self.packet_maximum: int | None = None

    def run(self, subscribe: str, publishes: dict[str, bytes]) -> Iterator[Result]:
        """Subscribe, and publish on each topic a payload that harms nobody."""
        try:
            with self._session() as session:
                session.subscribe(subscribe)
                self._wait(session, lambda _: session.subscribed)
                self.is_mqtt5 = session.version == MQTT5
                self.packet_maximum = session.packet_maximum
        except SessionError as why:
            yield False, f"{self._where}: {why}"
            return
        safe = "TLS, verified" if self._settings.tls else "without TLS"
        yield True, f"{self._where}: connected ({safe})"
        for topic, payload in publishes.items():
            yield self._published(topic, payload)

    @contextmanager
    def _session(self) -> Iterator[Session]:
        with (
            closing(Wakeup()) as wakeup,
            closing(connect(self._settings, self._options, wakeup)) as session,
        ):
            yield session

    def _published(self, topic: str, payload: bytes) -> Result:
        """In a connection of its own: mosquitto 2.0.11 hangs up after what it forbids."""
        try:
            with self._session() as session:
                packet_id = session.publish(topic, payload)
                answer = self._wait(session, lambda a: a and a.packet_id == packet_id)
        except SessionError as why:
            return False, f"{self._where}: {why}, after a message on {topic}"
        if answer and answer.refused:
            return False, (
                f"{self._where}: it does not let us publish on {topic}: {reason(answer.code)}; "
                f"`smartmeter-gateway {self._rules}` prints the rules that it needs"
            )
        unsure = "" if self.is_mqtt5 else ", as far as MQTT 3.1.1 can say"
        return True, f"{self._where}: we may publish on {topic}{unsure}"

    def _wait(
        self, session: Session, is_enough: Callable[[Answer | None], bool | None]
    ) -> Answer | None:
        """Turn until it is enough; the answer that was."""
        until = time.monotonic() + _BROKER_S
        while time.monotonic() < until:
            _, answers = session.turn(0.2)
            for answer in (*answers, None):
                if is_enough(answer):
                    return answer
        raise SessionError("it does not answer")
