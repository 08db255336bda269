"""Serves the page at 127.0.0.1, and does for it what needs Python.

    GET  /catalog.json   what the page knows (catalog.py)
    GET  /firmware.json  the scripts that copy the firmware (copying.py)
    POST /check          {"question", "text"} -> {}
    POST /certificate    {"file": base64} -> {"der": base64}
    POST /pair           {"code", "meter"} -> {"host", "port", "user", "password", "ca": base64}
    POST /settings       {question: text} -> {"script", "shows"}: writes the answers to the board
    POST /md5            an image of MicroPython -> {"md5"}: esptool-js has no MD5 of its own

A wrong answer gives status 422 and {"question", "wrong": one sentence}. Nothing is kept: each
request brings what it needs. Only this page may ask: the Host header names this address, and the
Origin of a POST is this page's, so that no other page can, by DNS rebinding or otherwise.
"""

import base64
import contextlib
import functools
import hashlib
import json
import sys
import threading
from collections.abc import Callable
from dataclasses import asdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from .. import device, esptool_js, pairing
from ..prompt import Refused
from . import copying, form
from .catalog import catalog

ADDRESS = "127.0.0.1"
_PAGE = Path(__file__).with_name("page")
_KINDS = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
}
_JSON = "application/json"
_BODY_MAX = 64_000  # bytes
_IMAGE_MAX = 16 << 20  # bytes: the largest flash of these boards
_TIMEOUT_S = 30
_REQUESTS_MAX = 8  # at a time; a further one waits its turn
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
        "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Permissions-Policy": "serial=(self)",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


def serve() -> int:
    """Until Ctrl-C; the exit status. Raises Refused if the page cannot be served."""
    try:
        esptool_js.ensure(_PAGE / "esptool-js")
    except esptool_js.Unavailable as why:  # a board that has MicroPython does not need it
        print(why, file=sys.stderr)
    try:
        server = Server()
    except OSError as why:
        raise Refused(f"no port of {ADDRESS} can be opened: {why.strerror}") from None
    with server:
        print(
            f"open http://{ADDRESS}:{server.server_port}/ in Chrome or Edge; Ctrl-C ends this",
            flush=True,
        )
        with contextlib.suppress(KeyboardInterrupt):
            server.serve_forever()
    return 0


class Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self) -> None:
        self.turns = threading.BoundedSemaphore(_REQUESTS_MAX)
        self.files = {
            f"/{path.relative_to(_PAGE).as_posix()}": path
            for path in _PAGE.rglob("*")
            if path.suffix in _KINDS
        }
        self.firmware = functools.cache(copying.scripts)
        self.compiling = threading.Lock()
        super().__init__((ADDRESS, 0), _Handler)

    def handle_error(self, request: object, client_address: object) -> None:
        """Report defects; a browser that hangs up is none."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    server: Server
    timeout = _TIMEOUT_S
    server_version = "smartmeter-provision"
    sys_version = ""

    def do_GET(self) -> None:
        with self.server.turns:
            if not self._is_ours():
                return
            if self.path == "/catalog.json":
                self._json(200, catalog())
            elif self.path == "/firmware.json":
                self._answer(lambda _: self._firmware(), b"")
            elif path := self.server.files.get("/index.html" if self.path == "/" else self.path):
                self._send(200, _KINDS[path.suffix], path.read_bytes())
            else:
                self._text(404, "there is nothing under this name")

    def do_POST(self) -> None:
        with self.server.turns:
            if not self._is_ours():
                return
            if self.headers.get("Origin") != f"http://{self.headers['Host']}":
                self._text(403, "only the page of this address may ask")
                return
            answer = _ANSWERS.get(self.path)
            if answer is None:
                self._text(404, "there is nothing under this name")
                return
            length = self.headers.get("Content-Length", "")
            most = _IMAGE_MAX if self.path == "/md5" else _BODY_MAX
            if not (length.isascii() and length.isdecimal() and int(length) <= most):
                self.close_connection = True
                self._text(413, f"a request has a length of at most {most} bytes")
                return
            self._answer(answer, self.rfile.read(int(length)))

    def _is_ours(self) -> bool:
        port = self.server.server_port
        if self.headers.get("Host") in (f"{ADDRESS}:{port}", f"localhost:{port}"):
            return True
        self.close_connection = True
        self._text(421, f"this is http://{ADDRESS}:{port}/")
        return False

    def _firmware(self) -> Any:
        with self.server.compiling:  # once, also for two pages
            return self.server.firmware()

    def _answer(self, answer: Callable[[bytes], Any], body: bytes) -> None:
        try:
            self._json(200, answer(body))
        except form.Wrong as why:
            self._json(422, {"question": why.question, "wrong": str(why)})
        except Refused as why:
            self._json(422, {"question": "", "wrong": str(why)})

    def _json(self, code: int, document: Any) -> None:
        self._send(code, _JSON, json.dumps(document).encode())

    def _text(self, code: int, text: str) -> None:
        self._send(code, "text/plain; charset=utf-8", f"{text}\n".encode())

    def _send(self, code: int, kind: str, body: bytes) -> None:
        self.send_response(code)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        for name, value in _HEADERS.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:
        """Requests are not logged: they may hold secrets, and the page shows what matters."""


def _check(body: bytes) -> dict[str, str]:
    asked = _texts(body, "question", "text")
    form.check(asked["question"], asked["text"])
    return {}


def _certificate(body: bytes) -> dict[str, str]:
    try:
        der = form.der_of(_texts(body, "file")["file"])
    except Refused as why:
        raise form.Wrong("broker_ca", str(why)) from None
    return {"der": base64.b64encode(der).decode()}


def _pair(body: bytes) -> dict[str, object]:
    asked = _texts(body, "code", "meter")
    form.check("meter.id", asked["meter"])
    try:
        paired = pairing.redeem(pairing.parse(asked["code"]), asked["meter"])
    except Refused as why:
        raise form.Wrong("pairing", str(why)) from None
    return asdict(paired) | {"ca": base64.b64encode(paired.ca).decode()}


def _settings(body: bytes) -> dict[str, object]:
    return asdict(device.writing(form.answers(_texts(body))))


def _md5(body: bytes) -> dict[str, str]:
    return {"md5": hashlib.md5(body, usedforsecurity=False).hexdigest()}


def _texts(body: bytes, *names: str) -> dict[str, str]:
    """A JSON object of texts with these names, or with any if none is given."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict) or not all(isinstance(v, str) for v in found.values()):
        raise form.Wrong("", "the request is not a JSON object of texts")
    if names and set(found) != set(names):
        raise form.Wrong("", f"the request has {' and '.join(names)}")
    return found


_ANSWERS: dict[str, Callable[[bytes], Any]] = {
    "/check": _check,
    "/certificate": _certificate,
    "/pair": _pair,
    "/settings": _settings,
    "/md5": _md5,
}
