"""The local page, /status and /metrics: small, read only, and by default only on localhost."""

import base64
import hmac
import json
import socket
import ssl
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from smartmeter_service.loopback import is_loopback
from smartmeter_service.metrics import exposition
from smartmeter_service.threads import RestartedThread

from ..config.settings import HttpSettings
from ..monitoring import document
from ..monitoring.prometheus import families
from ..monitoring.registry import Registry
from ..monitoring.states import States
from . import certificate
from .rate_limit import WrongPasswordLimit

EVERY_ADDRESS = ("0.0.0.0", "::")  # noqa: S104 (looked for, not listened on)
_REQUESTS_MAX = 16  # at a time; a further one waits its turn
_TIMEOUT_S = 10
_USER = "home"
_PAGE = {"/": "index.html", "/page.js": "page.js", "/page.css": "page.css", "/icon.svg": "icon.svg"}
_TYPES = {"html": "text/html", "js": "text/javascript", "css": "text/css", "svg": "image/svg+xml"}
_HEADERS = {
    "Content-Security-Policy": "default-src 'self'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


_HANDSHAKE = b"\x16"  # the first byte of a TLS connection (RFC 8446, 5.1)
_USE_TLS = (
    b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n"
    b"This page is encrypted. Open it with https:// instead of http://\n"
)


class HttpUnavailable(Exception):
    """The port cannot be opened; one sentence."""


class LocalHttp:
    """Listens from start() to stop()."""

    def __init__(
        self, settings: HttpSettings, registry: Registry, states: States, folder: Path
    ) -> None:
        """folder: of the certificate, for a page that other machines reach."""
        self._settings = settings
        web = files(__package__) / "static"
        pages = {path: (web / name).read_bytes() for path, name in _PAGE.items()}
        try:
            context = None
            if settings.tls:
                try:
                    context = certificate.server_context(folder, settings.host)
                except (OSError, ValueError) as why:
                    raise HttpUnavailable(
                        f"the page's certificate in {folder} cannot be used or made: {why}"
                    ) from None
            self._server = _Server(settings, registry, states, pages, context)
        except OSError as why:
            raise HttpUnavailable(
                f"cannot listen on {settings.host}:{settings.port}: "
                f"{(why.strerror or str(why)).lower()}; set port in [http]"
            ) from None
        self.port = int(self._server.server_address[1])
        self._thread = RestartedThread("http", self._server.serve_forever, registry.own_fault)

    @property
    def address(self) -> str | None:
        """The page's URL for other machines, or None if they do not reach it."""
        host = self._settings.host
        if is_loopback(host):
            return None
        if host in EVERY_ADDRESS:
            host = socket.gethostname()
        return f"https://{f'[{host}]' if ':' in host else host}:{self.port}/"

    def start(self) -> None:
        self._thread.start()

    def stop(self, timeout: float) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(timeout)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(
        self,
        settings: HttpSettings,
        registry: Registry,
        states: States,
        pages: dict[str, bytes],
        context: ssl.SSLContext | None,
    ) -> None:
        self._context = context
        self.wrong_password_limit = WrongPasswordLimit()
        self.settings = settings
        self.registry = registry
        self.states = states
        self.pages = pages
        self.turns = threading.BoundedSemaphore(_REQUESTS_MAX)
        super().__init__((settings.host, settings.port), _Handler)

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Answer a connection, in its own thread: a slow handshake holds up nobody else."""
        if self._context is None:
            super().finish_request(request, client_address)
            return
        request.settimeout(_TIMEOUT_S)
        if request.recv(1, socket.MSG_PEEK) not in (b"", _HANDSHAKE):
            request.sendall(_USE_TLS)
            return
        with self._context.wrap_socket(request, server_side=True) as encrypted:
            super().finish_request(encrypted, client_address)

    def handle_error(self, request: object, client_address: object) -> None:
        """Log our own faults. A browser that closed the connection in the middle is not one."""
        if not isinstance(sys.exception(), OSError):
            self.registry.own_fault("http")


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = _TIMEOUT_S
    server_version = "smartmeter-gateway"
    sys_version = ""

    def do_GET(self) -> None:
        with self.server.turns:
            if not self._is_for_us():
                self._answer(421, "text/plain", b"this page is not served under that name\n")
            elif seconds := self.server.wrong_password_limit.must_wait(self.client_address[0]):
                text = f"too many wrong passwords from your address; wait {seconds} s\n"
                self._answer(429, "text/plain", text.encode())
            elif not self._is_known():
                if "Authorization" in self.headers:
                    self.server.wrong_password_limit.wrong(self.client_address[0])
                self._answer(401, "text/plain", b"user home and its password, please\n")
            else:
                self._page(self.path.partition("?")[0])

    do_HEAD = do_GET  # uptime monitors ask so

    def _page(self, path: str) -> None:
        registry = self.server.registry
        if path in self.server.pages:
            kind = _TYPES[_PAGE[path].rpartition(".")[2]]
            self._answer(200, f"{kind}; charset=utf-8", self.server.pages[path])
        elif path == "/status":
            reasons = self.server.states.reasons(time.time())
            body = json.dumps(document.shown(registry, reasons)).encode()
            self._answer(200, "application/json", body)
        elif path == "/metrics":
            accept = self.headers.get("Accept", "")
            newest = self.server.states.newest_of_all(time.time())
            shown = document.shown(registry, {m: found.reason for m, found in newest.items()})
            body, kind = exposition(families(shown, newest), accept)
            self._answer(200, kind, body)
        elif path.startswith("/curve/") and (
            curve := registry.curves.get(unquote(path.removeprefix("/curve/")))
        ):
            self._answer(200, "application/json", json.dumps(curve.points()).encode())
        else:
            self._answer(404, "text/plain", b"there is nothing under this name\n")

    def _is_for_us(self) -> bool:
        """A page elsewhere must not read this one through its own name for our address."""
        if not is_loopback(self.server.settings.host):
            return True  # a password is asked for
        host = self.headers.get("Host", "").rpartition(":")[0] or self.headers.get("Host", "")
        try:
            ip_address(host.strip("[]"))
        except ValueError:
            return host == "localhost"
        return True

    def _is_known(self) -> bool:
        password = self.server.settings.password
        if password is None:
            return True
        right = base64.b64encode(f"{_USER}:{password}".encode()).decode()
        return hmac.compare_digest(
            self.headers.get("Authorization", "").encode(), f"Basic {right}".encode()
        )

    def _answer(self, code: int, kind: str, body: bytes) -> None:
        self.send_response(code)
        if code == 401:
            self.send_header("WWW-Authenticate", 'Basic realm="smartmeter-gateway"')
        for name, value in _HEADERS.items():
            self.send_header(name, value)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:
        """Requests are not logged: the page polls every 2 s."""
