"""Serves /metrics on localhost for a process that has no HTTP server of its own."""

from collections.abc import Callable, Iterable
from http.server import ThreadingHTTPServer
from types import TracebackType

from prometheus_client import Metric
from prometheus_client.exposition import MetricsHandler
from smartmeter_service.metrics import registry
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
            self._server = ThreadingHTTPServer(
                ("127.0.0.1", port), _Handler.factory(registry(families))
            )
        except OSError as e:
            reason = (e.strerror or str(e)).lower()
            raise CannotListen(f"metrics.port {port} is not available: {reason}") from None
        self._server.daemon_threads = True
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


class _Handler(MetricsHandler):
    timeout = _TIMEOUT_S

    def do_GET(self) -> None:
        if self.path != "/metrics":
            self.send_error(404)
            return
        super().do_GET()
