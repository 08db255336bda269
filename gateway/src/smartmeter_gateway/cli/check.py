"""`check` and `ports`: try what the settings name, and say line by line what came of it."""

import datetime
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

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.x509.oid import NameOID
from serial.tools import list_ports  # type: ignore[import-untyped]
from smartmeter import Fault, Receiver
from smartmeter.dialog.line_search import NO_BYTES, NO_FRAME, NO_KEY, READINGS, Search, name
from smartmeter.wire import topics
from smartmeter_mqtt import client_ids
from smartmeter_service.threads import RestartedThread

from ..config.settings import (
    BrokerSettings,
    Config,
    EmbeddedSettings,
    PortSettings,
    SpoolSettings,
    is_loopback,
)
from ..intake.serial_line import Line
from ..monitoring.diagnosis import WORDS
from ..monitoring.registry import Status, log
from ..mqtt.client import BrokerLink
from ..mqtt.tls import reason_of
from ..uplink.forwarder import NAME as UPLINK

_BROKER_S = 15.0
_SOON_DAYS = 30

Result = tuple[bool, str]  # whether it is right, and a line for a person


def check(config: Config, seconds: float) -> Iterator[Result]:
    """Everything that the settings name, tried; ports are listened to for that long."""
    yield True, f"settings: concentrator {config.id}"
    yield _spool(config.spool)
    if isinstance(config.lan, BrokerSettings):
        yield from _broker("LAN broker", config.lan, config.id, topics.ALL_METERS)
    if config.cloud:
        yield from _broker(UPLINK, config.cloud, config.id, topics.receipts(config.id))
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


def _broker(what: str, settings: BrokerSettings, id: str, topic: str) -> Iterator[Result]:
    where = f"{what} {settings.host}:{settings.port}"
    if settings.certificate and settings.key:
        wanted = id if what == UPLINK else None  # at home it may have any
        fine, line = _certificate(
            settings.certificate, settings.key, bool(settings.enroll_url), wanted
        )
        yield fine, f"{what}: {line}"
    status = Status()
    link = BrokerLink(
        what, settings, client_ids.of_check(id), topic, status, lasting=False, receive_maximum=10
    )
    link.start()
    until = time.monotonic() + _BROKER_S
    while what not in status.links and time.monotonic() < until:
        status.changed.wait(0.1)
    link.stop(2)
    state = status.links.get(what)
    if state is None:
        yield False, f"{where}: it does not answer"
    elif not state.up:
        yield False, f"{where}: {state.reason}"
    else:
        safe = "TLS, verified" if settings.tls else "without TLS"
        yield True, f"{where}: connected ({safe})"


def _certificate(certificate: Path, key: Path, renews: bool, wanted: str | None) -> Result:
    """renews: somebody renews it in time; wanted: the name that it must be of."""
    try:
        found = x509.load_pem_x509_certificate(certificate.read_bytes())
    except ValueError:
        return False, f"{certificate} holds no certificate (PEM)"
    try:
        private = serialization.load_pem_private_key(key.read_bytes(), None)
    except (ValueError, TypeError):
        return False, f"{key} holds no private key (PEM, without a password)"
    same = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    if private.public_key().public_bytes(*same) != found.public_key().public_bytes(*same):
        return False, f"{key} is not the key of {certificate}"
    left = (found.not_valid_after_utc - datetime.datetime.now(datetime.UTC)).days
    if left < 0:
        return False, f"{certificate} has expired on {found.not_valid_after_utc:%Y-%m-%d}"
    names = [str(n.value) for n in found.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
    if wanted and names != [wanted]:
        of = ", ".join(names) or "nobody"
        return False, f"{certificate} is of {of}; the broker takes nothing of {wanted} from it"
    if left < _SOON_DAYS and not renews:
        return False, f"{certificate} is valid for {left} more days; renew it"
    return True, f"certificate valid for {left} days"


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
