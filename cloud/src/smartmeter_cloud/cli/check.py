"""`check`: tries everything in the settings, and reports the results line by line."""

import os
import secrets
import shutil
import socket
import time
from collections.abc import Iterator
from contextlib import closing

from smartmeter.wire import refusal, topics
from smartmeter_mqtt.session import MQTT5, ConnectOptions, Session, SessionError, connect
from smartmeter_mqtt.wakeup import Wakeup
from smartmeter_service.certificates import check_certificate

from smartmeter_cloud.cli.status import answers
from smartmeter_cloud.config.settings import (
    Config,
    HttpSettings,
    IngestSettings,
    OwnBroker,
    StoreSettings,
)
from smartmeter_cloud.store.factory import DriverMissing, version_of
from smartmeter_cloud.store.interface import StoreUnavailable
from smartmeter_cloud.store.schema import VERSION

BROKER_SECONDS = 10.0
FREE_MIN = 500_000_000  # bytes; a meter at 5 s fills about a GB in a year
PACKET_BYTES = 2_000_000  # a little over PAYLOAD_MAX of ingest, so that a refusal can name it

Result = tuple[bool, str]  # whether it is right, and a line for the user


def check(settings: Config) -> Iterator[Result]:
    """Try everything in the settings. Changes nothing."""
    yield True, f"settings: {settings.source}"
    yield from _store(settings.store)
    if settings.broker:
        yield from _broker(settings.broker)
    running = answers(settings.http)
    if settings.own_broker:
        yield from _own_broker(settings.own_broker, running)
    yield from _http(settings.http, running)


def _store(store: StoreSettings) -> Iterator[Result]:
    where = f"store {store.url or store.path}"
    if store.url is None:
        folder = store.path.parent
        if not os.access(folder, os.W_OK):
            yield False, f"{where}: this user cannot write into {folder}"
            return
        free = shutil.disk_usage(folder).free
        yield free >= FREE_MIN, f"{where}: {free / 1e9:.1f} GB free"
    try:
        version = version_of(store)
    except DriverMissing as e:
        yield False, f"{where}: {e}"
    except StoreUnavailable as e:
        yield False, f"{where}: {e}"
    else:
        if version == 0:
            yield True, f"{where}: empty; its tables will be created at the first start"
        elif version < VERSION:
            yield True, f"{where}: schema {version}, updated to {VERSION} at the next start"
        else:
            yield version == VERSION, f"{where}: schema {version}; this program has {VERSION}"


def _broker(settings: IngestSettings) -> Iterator[Result]:
    where = f"broker {settings.host}:{settings.port}"
    if settings.certificate and settings.key:
        fine, line = check_certificate(settings.certificate, settings.key)
        yield fine, f"broker: {line}"
    # A client of its own, with a session that ends with it: the running ingest is not disturbed.
    client_id = "check-" + secrets.token_hex(6)
    with closing(Wakeup()) as wakeup:
        try:
            session = connect(settings, ConnectOptions(client_id), wakeup)
        except SessionError as e:
            yield False, f"{where}: {e}"
            return
        with closing(session):
            safe = "TLS, verified" if settings.tls else "without TLS"
            version = "5" if session.version == MQTT5 else "3.1.1"
            yield True, f"{where}: connected ({safe}, MQTT {version})"
            yield from _allowed(session, client_id, where)
            if settings.group and session.version != MQTT5:
                yield False, f"{where}: broker.group needs a broker with MQTT 5"
            # By 3.1.1 a broker does not say whether it has a bound.
            if session.version == MQTT5 and session.packet_maximum is None:
                yield (
                    True,
                    f"{where}: it accepts packets of any size, which may fill the memory; "
                    f"better set max_packet_size {PACKET_BYTES} in its mosquitto.conf",
                )


def _allowed(session: Session, name: str, where: str) -> Iterator[Result]:
    """Whether this user may read what Concentrators send, and write receipts and refusals."""
    until = time.monotonic() + BROKER_SECONDS
    try:
        session.subscribe(topics.ALL_CONCENTRATORS)
        while not session.subscribed and time.monotonic() < until:
            session.turn(0.2)
    except SessionError as e:
        yield False, f"{where}: {topics.ALL_CONCENTRATORS} cannot be read: {e}"
        return
    yield session.subscribed, f"{where}: {topics.ALL_CONCENTRATORS} can be read"
    for what, topic in (("receipts", topics.receipts(name)), ("refusals", refusal.topic(name))):
        fine = _writes(session, topic, until)
        yield fine, f"{where}: {what} can {'' if fine else 'NOT '}be written (cloud/+/{what})"


def _writes(session: Session, topic: str, until: float) -> bool:
    try:
        session.publish(topic, b"")
        while time.monotonic() < until:
            for answer in session.turn(0.2)[1]:
                return not answer.refused
    except SessionError:
        pass  # mosquitto 2.0.11 hangs up as soon as it has refused
    return False


def _own_broker(own: OwnBroker, running: bool) -> Iterator[Result]:
    """running: whether `serve` runs, which then listens there itself."""
    if own.certificate and own.key:
        fine, line = check_certificate(own.certificate, own.key)
        yield fine, f"broker: {line}"
    fine, line = _port("broker", own.host, own.port)
    if running and not fine:
        yield True, f"broker {own.host}:{own.port}: the running `serve` listens there"
    else:
        yield fine, line


def _http(http: HttpSettings, running: bool) -> Iterator[Result]:
    if http.certificate and http.key:
        fine, line = check_certificate(http.certificate, http.key)
        yield fine, f"http: {line}"
    if running:
        yield True, f"http {http.host}:{http.port}: the API answers there"
    else:
        yield _port("http", http.host, http.port)


def _port(what: str, host: str, port: int) -> Result:
    where = f"{what} {host}:{port}"
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        with socket.socket(*found[0][:3]) as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            s.bind(found[0][4])
    except OSError as e:
        return False, f"{where}: cannot listen: {(e.strerror or str(e)).lower()}"
    return True, f"{where}: free to listen on"
