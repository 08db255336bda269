"""Pairing: how an adapter gets the LAN broker's CA and a user of its own from one short code.

The code is smartmeter-pair://HOST:PORT/CA?SECRET. CA is the SHA-256 of the CA's certificate and
SECRET works once, within 15 minutes; both are base64url without padding. `tools/provision` reads
it, and asks this listener two things by HTTPS:

    GET  /ca      the CA's certificate (PEM); anyone may have it, and the code says if it is right
    POST /pair    {"secret": SECRET, "meter": smartMeterId}
                  -> {"concentrator", "host", "port", "user", "password"}

The second request goes over a connection that the CA has verified. The listener is open only
while an offer is valid. `smartmeter-gateway pair` makes an offer, also while `run` is running:
it writes pairing.json beside the settings.
"""

import base64
import hashlib
import hmac
import json
import os
import secrets
import socket
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import msgspec
from smartmeter.wire import topics
from smartmeter_service.atomic_file import write_file
from smartmeter_service.own_addresses import own_addresses
from smartmeter_service.threads import RestartedThread
from smartmeter_service.toml_file import SettingsError

from ..config.paired_users import PairedUsers
from ..monitoring.registry import Registry, log
from .lan_authority import LanAuthority

SECONDS = 900.0  # an offer is valid for so long
PORT = 8711
_OFFER = "pairing.json"
_LOOK_S = 0.5  # for a new offer
_TIMEOUT_S = 10
_REQUEST_MAX = 1000  # bytes
_REQUESTS_MAX = 8  # at a time; a further one waits its turn
_WRONG_MAX = 20  # secrets, until the offer ends: there are 2 ** 128
_SECRET_BYTES = 16


@dataclass(frozen=True)
class Offer:
    """What pairing.json holds."""

    digest: str  # SHA-256 of the secret, hex
    until: float  # seconds since 1970
    port: int


def make_code(folder: Path, authority: LanAuthority, now: float, port: int | None = None) -> str:
    """Make an offer that replaces the one of before; the code for a person.

    port: None takes the usual one, or a free one if it is taken. Raises OSError.
    """
    secret = base64url(secrets.token_bytes(_SECRET_BYTES))
    port = port or _free_port()
    offer = Offer(_digest(secret), now + SECONDS, port)
    path = folder / _OFFER
    write_file(path, json.dumps(asdict(offer)).encode(), 0o600)
    if os.geteuid() == 0:  # the service may run as another user, whose folder it is
        owner = folder.stat()
        os.chown(path, owner.st_uid, owner.st_gid)
    host = next(iter(own_addresses()), "127.0.0.1")
    shown = f"[{host}]" if ":" in host else host
    return f"smartmeter-pair://{shown}:{port}/{base64url(authority.fingerprint())}?{secret}"


def base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _free_port() -> int:
    """The usual port, or another one if it is taken."""
    for port in (PORT, 0):
        try:
            with socket.create_server(("", port)) as probe:
                return int(probe.getsockname()[1])
        except OSError:
            continue
    return PORT


class Pairing:
    """Listens while an offer is valid, from start() to stop()."""

    def __init__(
        self,
        folder: Path,
        host: str,
        broker_port: int,
        concentrator: str,
        add_user: Callable[[str, str], None],
        registry: Registry,
    ) -> None:
        """host: what the LAN broker listens on. add_user: lets the running broker know a user."""
        self._authority = LanAuthority(folder)
        self._offer_file = folder / _OFFER
        self._users = PairedUsers(folder)
        self._host = host
        self._broker_port = broker_port
        self._concentrator = concentrator
        self._add_user = add_user
        self._registry = registry
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._wrong = 0
        self._thread = RestartedThread("pairing", self._run, registry.own_fault)

    def start(self) -> None:
        self._thread.start()

    def stop(self, timeout: float) -> None:
        self._stopping.set()
        self._thread.join(timeout)

    def _run(self) -> None:
        while not self._stopping.wait(_LOOK_S):
            offer = self._offer()
            if offer is None:
                continue
            try:
                server = _Server((self._host, offer.port), self)
            except (OSError, ValueError) as why:
                self._registry.alarm("pairing", f"no adapter can be paired: {why}")
                self._stopping.wait(_LOOK_S * 10)
                continue
            self._registry.alarm("pairing", None)
            self._wrong = 0
            log.info("an adapter can be paired at port %d", offer.port)
            with server:
                while self._offer() == offer and not self._stopping.is_set():
                    server.handle_request()

    def _offer(self) -> Offer | None:
        try:
            found = Offer(**json.loads(self._offer_file.read_bytes()))
            return found if time.time() < found.until <= time.time() + SECONDS else None
        except (OSError, ValueError, TypeError):
            return None

    def certificate(self) -> bytes:
        return self._authority.ca.read_bytes()

    def context(self) -> ssl.SSLContext:
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        made.minimum_version = ssl.TLSVersion.TLSv1_2
        made.load_cert_chain(self._authority.certificate, self._authority.key)
        return made

    def redeem(self, secret: str, meter: str, host: str) -> dict[str, object] | None:
        """A user for that meter, if that is the offer's secret. The offer is then used up.

        host: the address at which we were reached. Raises OSError, SettingsError.
        """
        with self._lock:
            offer = self._offer()
            if offer is None:
                return None
            if not hmac.compare_digest(_digest(secret), offer.digest):
                self._wrong += 1
                if self._wrong >= _WRONG_MAX:
                    self._offer_file.unlink(missing_ok=True)
                    log.warning("pairing: %d wrong secrets; the code is void", _WRONG_MAX)
                return None
            password = self._users.add(meter)
            self._add_user(meter, password)
            self._offer_file.unlink(missing_ok=True)
        log.info("an adapter was paired; its meter is %s", meter)
        return {
            "concentrator": self._concentrator,
            "host": host,
            "port": self._broker_port,
            "user": meter,
            "password": password,
        }

    def own_fault(self) -> None:
        self._registry.own_fault("pairing")


class _Asked(msgspec.Struct):
    secret: str
    meter: str


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    timeout = _LOOK_S  # of handle_request()

    def __init__(self, address: tuple[str, int], pairing: Pairing) -> None:
        self.pairing = pairing
        self.turns = threading.BoundedSemaphore(_REQUESTS_MAX)
        self._context = pairing.context()
        if ":" in address[0]:
            self.address_family = socket.AF_INET6
        super().__init__(address, _Handler)

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Answer a connection, in its own thread: a slow handshake holds up nobody else."""
        request.settimeout(_TIMEOUT_S)
        with (
            self.turns,
            self._context.wrap_socket(request, server_side=True) as encrypted,
        ):
            super().finish_request(encrypted, client_address)

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hung up or spoke no TLS is not our fault."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = _TIMEOUT_S
    server_version = "smartmeter-gateway"
    sys_version = ""

    def do_GET(self) -> None:
        if self.path == "/ca":
            self._answer(200, "application/x-pem-file", self.server.pairing.certificate())
        else:
            self._answer(404, "text/plain", b"there is nothing under this name\n")

    def do_POST(self) -> None:
        asked = self._asked()
        answer = None
        if self.path == "/pair" and asked is not None:
            reached = str(self.connection.getsockname()[0])
            try:
                answer = self.server.pairing.redeem(asked.secret, asked.meter, reached)
            except (OSError, SettingsError) as why:
                self._answer(500, "text/plain", f"{why}\n".encode())
                return
        if answer is None:
            self._answer(403, "text/plain", b"this code is wrong, used or too old\n")
        else:
            self._answer(200, "application/json", json.dumps(answer).encode())

    def _asked(self) -> _Asked | None:
        length = self.headers.get("Content-Length", "")
        if not (length.isascii() and length.isdecimal() and int(length) <= _REQUEST_MAX):
            return None
        try:
            found = msgspec.json.decode(self.rfile.read(int(length)), type=_Asked)
        except (msgspec.MsgspecError, RecursionError):
            return None
        return found if topics.is_id(found.meter) else None

    def _answer(self, code: int, kind: str, body: bytes) -> None:
        self.send_response(code)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:
        """Requests are not logged; what matters is, above."""
