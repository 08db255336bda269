"""HTTP without TLS for an emulated device: small, bounded, and for the household's network."""

import io
import json
import sys
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from smartmeter_service.threads import RestartedThread

from .allowance import Allowance, is_near, is_own_name
from .device import REQUEST_MAX, Answer, Device

_REQUESTS_MAX = 16  # at a time; a further connection is closed
_TIMEOUT_S = 5
_HEAD_MAX = 8192  # bytes of a request before its body

REFUSED = 403
TOO_MANY = 429


class HttpServer:
    """Listens from start() to stop(). Raises OSError if it cannot."""

    def __init__(
        self,
        address: tuple[str, int],
        device: Device,
        allowance: Allowance,
        count: Callable[[int], None],
        report: Callable[[str], None],
    ) -> None:
        """count: takes the status of each answer; report: the name of a thread with a fault."""
        self._server = _Server(address, device, allowance, count, report)
        self.port = int(self._server.server_address[1])
        self._thread = RestartedThread("emulation", self._server.serve_forever, report)

    def start(self) -> None:
        self._thread.start()

    def stop(self, timeout: float) -> None:
        if self._thread.is_alive():
            self._server.shutdown()
        self._server.server_close()
        self._thread.join(timeout)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(
        self,
        address: tuple[str, int],
        device: Device,
        allowance: Allowance,
        count: Callable[[int], None],
        report: Callable[[str], None],
    ) -> None:
        self.device = device
        self.allowance = allowance
        self.count = count
        self._report = report
        self._places = threading.BoundedSemaphore(_REQUESTS_MAX)
        super().__init__(address, _Handler)

    def verify_request(self, request: object, client_address: object) -> bool:
        return self._places.acquire(blocking=False)

    def process_request_thread(self, request: object, client_address: object) -> None:
        try:
            super().process_request_thread(request, client_address)  # type: ignore[arg-type]
        finally:
            self._places.release()

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that closed the connection in the middle is not a fault of ours."""
        if not isinstance(sys.exception(), OSError):
            self._report("emulation")


class _Bounded(io.BufferedIOBase):
    """The bytes of one request, and not more than are allowed."""

    def __init__(self, file: io.BufferedIOBase) -> None:
        self._file = file
        self._left = _HEAD_MAX + REQUEST_MAX

    def readline(self, size: int | None = -1, /) -> bytes:
        return self._counted(self._file.readline(self._bound(size)))

    def read(self, size: int | None = -1, /) -> bytes:
        return self._counted(self._file.read(self._bound(size)))

    def _bound(self, size: int | None) -> int:
        return self._left if size is None or size < 0 else min(size, self._left)

    def _counted(self, data: bytes) -> bytes:
        self._left -= len(data)
        return data

    def close(self) -> None:
        self._file.close()
        super().close()


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = _TIMEOUT_S
    server_version = "smartmeter-gateway"
    sys_version = ""

    def setup(self) -> None:
        super().setup()
        self.rfile = _Bounded(self.rfile)

    def do_GET(self) -> None:
        answer = self._answer()
        self.server.count(answer.status)
        self.send_response(answer.status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer.body)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body)

    do_HEAD = do_GET
    do_POST = do_GET

    def _answer(self) -> Answer:
        address = self.client_address[0]
        if not is_near(address):
            return _refusal(REFUSED, "only private addresses are answered")
        if not is_own_name(self.headers.get("Host", "")):
            return _refusal(REFUSED, "call this device by its address")
        if not self.server.allowance.allows(address):
            return _refusal(TOO_MANY, "too many requests")
        length = self.headers.get("Content-Length", "0")
        if not (length.isascii() and length.isdecimal() and int(length[:9]) <= REQUEST_MAX):
            return _refusal(413, f"a request has at most {REQUEST_MAX} bytes")
        method = "GET" if self.command == "HEAD" else self.command
        return self.server.device.http(method, self.path, self.rfile.read(int(length)))

    def log_message(self, format: str, *arguments: object) -> None:
        """Requests are not logged: a battery asks every second."""


def _refusal(status: int, text: str) -> Answer:
    return Answer(status, json.dumps({"error": text}).encode())
