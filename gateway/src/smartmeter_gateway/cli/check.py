"""`check` and `ports`: try what the settings name, and say line by line what came of it."""

import fcntl
import os
import queue
import shutil
import socket
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from pathlib import Path

from serial.tools import list_ports  # type: ignore[import-untyped]
from smartmeter import Fault, Receiver
from smartmeter.dialog.line_search import NO_BYTES, NO_FRAME, NO_KEY, READINGS, Search, name
from smartmeter.wire import topics
from smartmeter_mqtt import client_ids
from smartmeter_mqtt.bell import Bell
from smartmeter_mqtt.session import MQTT5, ConnectOptions, Session, SessionError, connect
from smartmeter_mqtt.settings import BrokerSettings
from smartmeter_service.certificates import check_certificate
from smartmeter_service.errors import reason_of
from smartmeter_service.threads import RestartedThread

from ..config.settings import (
    CloudSettings,
    Config,
    EmbeddedSettings,
    PortSettings,
    SpoolSettings,
    is_loopback,
)
from ..intake.serial_line import Line
from ..monitoring.diagnosis import WORDS
from ..monitoring.registry import LAN, log
from ..uplink.forwarder import NAME as UPLINK

_BROKER_S = 15.0
# Other clients of the house's broker send more than adapters do: camera images, lists of devices.
_LAN_PACKET_BYTES = 10_000_000

Result = tuple[bool, str]  # whether it is right, and a line for a person


def check(config: Config, seconds: float) -> Iterator[Result]:
    """Everything that the settings name, tried; ports are listened to for that long."""
    yield True, f"settings: concentrator {config.id}"
    yield _spool(config.spool)
    if isinstance(config.lan, BrokerSettings):
        yield from _lan_broker(config.lan, config.id)
    if config.cloud:
        yield from _cloud_broker(config.cloud, config.id)
    else:
        yield True, "cloud: none; readings stay here"
    if _is_running(config.spool.path):
        yield (
            True,
            "the Concentrator runs and has its ports; `smartmeter-gateway status` tells of them",
        )
        return
    yield from _listening(config)
    yield from _ports(config.ports, seconds)


def _is_running(spool: Path) -> bool:
    try:
        with open(f"{spool}.lock") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return False


def _listening(config: Config) -> Iterator[Result]:
    """Whether the ports can be had on which we are to listen."""
    if isinstance(config.lan, EmbeddedSettings):
        safe = "TLS" if config.lan.certificate else "without TLS"
        label = f"the broker inside ({safe}, users {', '.join(config.lan.users)})"
        free, text = _bound(label, config.lan.host, config.lan.port)
        alone = free and is_loopback(config.lan.host)
        yield free, f"{text}; no other machine reaches it" if alone else text
    if config.http:
        yield _bound("local page", config.http.host, config.http.port)


def _bound(label: str, host: str, port: int) -> Result:
    where = f"{label} on {host}:{port}"
    try:
        socket.create_server((host, port)).close()
    except OSError as why:  # whose strerror tells the address again
        return False, f"{where}: {os.strerror(why.errno or 0).lower()}"
    return True, f"{where}: the port is free"


def _spool(settings: SpoolSettings) -> Result:
    folder = settings.path.parent
    if settings.path.exists() and not settings.path.is_file():
        return False, f"spool: {settings.path} is there and is no file; give another name"
    try:
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as why:
        reason = (why.strerror or str(why)).lower()
        return False, f"spool: {folder} cannot be written by this user: {reason}"
    free = shutil.disk_usage(folder).free
    if free < settings.megabytes * 1_000_000:
        return False, (
            f"spool: {free // 1_000_000} MB are free in {folder}, and it may take "
            f"{settings.megabytes} MB; lower spool.megabytes"
        )
    return True, f"spool: {settings.path}, at most {settings.megabytes} MB and {settings.days} days"


def _lan_broker(settings: BrokerSettings, id: str) -> Iterator[Result]:
    if settings.certificate and settings.key:
        fine, line = check_certificate(settings.certificate, settings.key)
        yield fine, f"{LAN}: {line}"
    fine, line, session = _connected(LAN, settings, id, topics.ALL_METERS)
    yield fine, line
    # By 3.1.1 a broker does not say whether it has a bound.
    if session and session.version == MQTT5 and session.packet_maximum is None:
        yield (
            True,
            f"{LAN}: it accepts packets of any size, which may fill the memory; "
            f"better set max_packet_size {_LAN_PACKET_BYTES} in its mosquitto.conf",
        )


def _cloud_broker(settings: CloudSettings, id: str) -> Iterator[Result]:
    if settings.certificate and settings.key:
        fine, line = check_certificate(
            settings.certificate, settings.key, bool(settings.enroll_url), id
        )
        yield fine, f"{UPLINK}: {line}"
    yield _connected(UPLINK, settings, id, topics.receipts(id))[:2]


def _connected(
    what: str, settings: BrokerSettings, id: str, topic: str
) -> tuple[bool, str, Session | None]:
    """Connects and subscribes; the session is closed again."""
    where = f"{what} {settings.host}:{settings.port}"
    with closing(Bell()) as bell:
        try:
            options = ConnectOptions(client_ids.of_check(id))
            session = connect(settings, options, bell)
            with closing(session):
                session.subscribe(topic)
                until = time.monotonic() + _BROKER_S
                while not session.subscribed:
                    if time.monotonic() > until:
                        raise SessionError("it does not answer")
                    session.turn(0.2)
        except SessionError as why:
            return False, f"{where}: {why}", None
    safe = "TLS, verified" if settings.tls else "without TLS"
    return True, f"{where}: connected ({safe})", session


def _ports(ports: tuple[PortSettings, ...], seconds: float) -> Iterator[Result]:
    return _listen_to_all(ports, seconds, until_reading=True)


def _listen_to_all(
    ports: Iterable[PortSettings], seconds: float, until_reading: bool
) -> Iterator[Result]:
    """What is on the ports, all listened to at once; the first to be clear comes first."""
    results: queue.Queue[Result] = queue.Queue()

    def failed(name: str) -> None:
        log.exception("%s: an unexpected error of this program", name)
        results.put((False, f"{name}: an unexpected error of this program; please report it"))

    started = [
        RestartedThread(
            f"port {port.device}",
            lambda port=port: results.put(listen(port, seconds, until_reading)),  # type: ignore[misc]
            failed,
            again=False,
        )
        for port in ports
    ]
    for thread in started:
        thread.start()
    for _ in started:
        yield results.get()


def listen(port: PortSettings, seconds: float, until_reading: bool) -> Result:
    """What is on a port: opened, searched where the settings say no baud rate, and read."""
    label = f"port {port.device}"
    search = Search(inverted=False) if port.baud is None and port.poll == "no" else None
    try:
        receiver = Receiver(port.key, port.auth_key, port.link, port.profile)
        with closing(Line(port, receiver, search)) as line:
            progress, found = _listened(line, search, seconds)
    except (OSError, ValueError) as why:
        cause = why.__context__ if isinstance(why.__context__, OSError) else why
        return False, f"{label}: {reason_of(cause)}"
    if until_reading or progress == READINGS:
        return progress == READINGS, f"{label}: {WORDS[progress]}{found}"
    return True, f"{label}: {progress}{found}"


def _listened(line: Line, search: Search | None, seconds: float) -> tuple[str, str]:
    until = time.monotonic() + seconds
    progress = NO_BYTES
    while time.monotonic() < until:
        for event in line.read():
            if not isinstance(event, Fault):
                baud, bits, parity, stop = line.setting
                meter = f", meter {event.meter}" if event.meter else ""
                at = name((baud, bits, parity, stop, False))
                return READINGS, f" ({at}, {' '.join(event.layers)}{meter}, {event.auth})"
            if event.kind in ("key", "tag"):
                progress = NO_KEY
        if progress == NO_BYTES and line.bytes:
            progress = NO_FRAME
        if search is not None and progress == NO_KEY and search.found:
            return progress, f" ({name(search.setting)})"
    return progress, ""


def devices() -> list[str]:
    """The serial ports of this machine."""
    return sorted(port.device for port in list_ports.comports())


def survey(seconds: float, say: Callable[[str], None]) -> None:
    """Each serial port with what seems to be on it."""
    found = devices()
    if not found:
        say("there is no serial port on this machine")
        return
    say(f"listening for up to {seconds:g} s to {', '.join(found)} ...")
    ports = [PortSettings(device=device, meter="survey") for device in found]
    for _, line in _listen_to_all(ports, seconds, until_reading=False):
        say(line)
