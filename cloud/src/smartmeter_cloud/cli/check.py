"""`check`: tries what the settings name, and says line by line what came of it."""

import os
import secrets
import shutil
import socket
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from smartmeter.wire import topics
from smartmeter_mqtt.codec import V5, ProtocolError

from smartmeter_cloud.cli.status import answers
from smartmeter_cloud.config.settings import (
    BrokerSettings,
    Config,
    HttpSettings,
    OwnBroker,
    StoreSettings,
)
from smartmeter_cloud.ingest.consumer import connect, reason_of
from smartmeter_cloud.ingest.mqtt_connection import Connection, Refused
from smartmeter_cloud.store.factory import DriverMissing, version_of
from smartmeter_cloud.store.interface import StoreUnavailable
from smartmeter_cloud.store.schema import VERSION

BROKER_SECONDS = 10.0
FREE_MIN = 500_000_000  # bytes; a meter at 5 s fills about a GB in a year
SOON_DAYS = 30

Result = tuple[bool, str]  # whether it is right, and a line for a person


def check(settings: Config) -> Iterator[Result]:
    """Everything that the settings name, tried. Changes nothing."""
    yield True, f"settings: {settings.source}"
    yield from _store(settings.store)
    if settings.broker:
        yield from _broker(settings.broker)
    if settings.own_broker:
        yield from _own_broker(settings.own_broker)
    yield from _http(settings.http)


def _store(store: StoreSettings) -> Iterator[Result]:
    where = f"store {store.url or store.path}"
    if store.url is None:
        folder = store.path.parent
        if not os.access(folder, os.W_OK):
            yield False, f"{where}: this user cannot write into {folder}"
            return
        free = shutil.disk_usage(folder).free
        yield free >= FREE_MIN, f"{where}: {free / 1e9:.1f} GB are free"
    try:
        version = version_of(store)
    except DriverMissing as e:
        yield False, f"{where}: {e}"
    except StoreUnavailable as e:
        yield False, f"{where}: {e}"
    else:
        if version == 0:
            yield True, f"{where}: empty; its tables are made at the first start"
        elif version < VERSION:
            yield True, f"{where}: schema {version}, brought to {VERSION} at the next start"
        else:
            yield version == VERSION, f"{where}: schema {version}; this program has {VERSION}"


def _broker(settings: BrokerSettings) -> Iterator[Result]:
    where = f"broker {settings.host}:{settings.port}"
    if settings.certificate and settings.key:
        fine, line = _certificate(settings.certificate, settings.key)
        yield fine, f"broker: {line}"
    # A client of its own, with a session that ends with it: the running ingest is not disturbed.
    own = replace(settings, client_id="check-" + secrets.token_hex(6), group="check")
    try:
        connection = connect(own, own.tls_context())
    except (Refused, OSError, ProtocolError) as e:
        yield False, f"{where}: {reason_of(e)}"
        return
    safe = "TLS, verified" if settings.tls else "without TLS"
    version = "5" if connection.version == V5 else "3.1.1"
    yield True, f"{where}: connected ({safe}, MQTT {version})"
    try:
        yield from _allowed(connection, own.client_id, where)
        if settings.group and connection.version != V5:
            yield False, f"{where}: broker.group needs a broker that speaks MQTT 5"
    finally:
        connection.close()


def _allowed(connection: Connection, name: str, where: str) -> Iterator[Result]:
    """Whether this user may read what Concentrators send, and write receipts."""
    until = time.monotonic() + BROKER_SECONDS
    try:
        connection.subscribe(topics.ALL_CONCENTRATORS)
        while not connection.subscribed and time.monotonic() < until:
            connection.receive(0.2)
    except (Refused, OSError, ProtocolError) as e:
        yield False, f"{where}: {topics.ALL_CONCENTRATORS} cannot be read: {reason_of(e)}"
        return
    yield connection.subscribed, f"{where}: {topics.ALL_CONCENTRATORS} can be read"
    try:
        connection.publish(topics.receipts(name), b"")
        while connection.under_way and time.monotonic() < until:
            connection.receive(0.2)
    except (Refused, OSError, ProtocolError):
        connection.refused_receipts += 1  # mosquitto 2.0.11 hangs up as soon as it has refused
    fine = not connection.under_way and not connection.refused_receipts
    yield fine, f"{where}: receipts can {'' if fine else 'NOT '}be written (cloud/+/receipts)"


def _own_broker(own: OwnBroker) -> Iterator[Result]:
    if own.certificate and own.key:
        fine, line = _certificate(own.certificate, own.key)
        yield fine, f"broker: {line}"
    yield _port("broker", own.host, own.port)


def _http(http: HttpSettings) -> Iterator[Result]:
    if http.certificate and http.key:
        fine, line = _certificate(http.certificate, http.key)
        yield fine, f"http: {line}"
    if answers(http):
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
        return False, f"{where}: cannot be listened on: {(e.strerror or str(e)).lower()}"
    return True, f"{where}: free to listen on"


def _certificate(certificate: Path, key: Path) -> Result:
    try:
        found = x509.load_pem_x509_certificate(certificate.read_bytes())
    except ValueError:
        return False, f"{certificate} holds no certificate (PEM)"
    try:
        private = serialization.load_pem_private_key(key.read_bytes(), None)
    except (ValueError, TypeError):
        return False, f"{key} holds no private key (PEM, without a password)"
    form = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    if private.public_key().public_bytes(*form) != found.public_key().public_bytes(*form):
        return False, f"{key} is not the key of {certificate}"
    left = (found.not_valid_after_utc - datetime.now(UTC)).days
    if left < 0:
        return False, f"{certificate} has expired on {found.not_valid_after_utc:%Y-%m-%d}"
    return left >= SOON_DAYS, f"{certificate} is valid for {left} days"
