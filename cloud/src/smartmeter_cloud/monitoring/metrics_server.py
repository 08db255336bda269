"""Serves /metrics on localhost for a process that has no HTTP server of its own."""

from collections.abc import Callable, Iterable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType

from prometheus_client import Metric
from smartmeter_service.metrics import exposition
from smartmeter_service.threads import RestartedThread
from smartmeter_service.unexpected_errors import UnexpectedErrors

_TIMEOUT_S = 10


class CannotListen(Exception):
    """Why the port is not available; one sentence."""


class MetricsServer:
    """Answers while the with statement runs; port 0 takes a free one."""

    def __init__(
        self, port: int, families: Callable[[], Iterable[Metric]], faults: UnexpectedErrors
    ) -> None:
        try:
            self._server = _Server(families, port)
        except OSError as e:
            reason = (e.strerror or str(e)).lower()
            raise CannotListen(f"metrics.port {port} is not available: {reason}") from None
        self.port = self._server.server_port
        self._thread = RestartedThread("metrics", self._server.serve_forever, faults.note)

    def __enter__(self) -> "MetricsServer":
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, families: Callable[[], Iterable[Metric]], port: int) -> None:
        self.families = families
        super().__init__(("127.0.0.1", port), _Handler)


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = _TIMEOUT_S

    def do_GET(self) -> None:
        if self.path != "/metrics":
            self.send_error(404)
            return
        body, kind = exposition(self.server.families(), self.headers.get("Accept", ""))
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_HEAD = do_GET  # uptime monitors ask so

    def log_message(self, format: str, *arguments: object) -> None:
        """Requests are not logged: a scraper asks all the time."""
