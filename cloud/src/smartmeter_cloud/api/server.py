"""The process that answers HTTP: its own socket gives one sentence if the port is taken."""

import contextlib
import signal
import socket
from collections.abc import Iterator
from types import FrameType

import uvicorn
from smartmeter_service.forced_exit import exit_by_force_after
from smartmeter_service.unexpected_errors import UnexpectedErrors

from smartmeter_cloud.api.app import create
from smartmeter_cloud.api.redirect import Redirect
from smartmeter_cloud.api.request_timeouts import KEEP_ALIVE_SECONDS, TimedProtocol
from smartmeter_cloud.config.settings import HttpSettings
from smartmeter_cloud.pki.refresh import ListRefresh
from smartmeter_cloud.store.interface import Store

SHUTDOWN_SECONDS = 2
END_SECONDS = 9.0  # whatever hangs; a container engine or systemd would kill the process after 10
CONNECTIONS_MAX = 800  # a process may have 1024 files on most machines; further clients get 503


class CannotListen(Exception):
    """Why the HTTP port is not available; one sentence."""


class Server(uvicorn.Server):
    """Created in the main thread; run() until SIGTERM or SIGINT, or until stop() from a thread."""

    def __init__(self, store: Store, settings: HttpSettings, faults: UnexpectedErrors) -> None:
        """Opens the port, so that `address` is known before run(). CannotListen."""
        self._listener = _listen(settings.host, settings.port)
        port = self._listener.getsockname()[1]
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        self.address = f"{'https' if settings.certificate else 'http'}://{host}:{port}/"
        self._redirect: Redirect | None = None
        if settings.redirect_port is not None:
            try:
                plain = _listen(settings.host, settings.redirect_port, "redirect_port")
            except CannotListen:
                self._listener.close()
                raise
            self.redirect_port = plain.getsockname()[1]
            self._redirect = Redirect(plain, port, settings.called)
        self._app = create(store, settings, faults)
        self._list_refresh = ListRefresh(self._app.state.enrolment, faults)
        try:
            super().__init__(
                uvicorn.Config(
                    self._app,
                    ssl_certfile=settings.certificate,
                    ssl_keyfile=settings.key,
                    log_level="warning",
                    access_log=False,
                    server_header=False,
                    forwarded_allow_ips=list(settings.proxies),
                    timeout_graceful_shutdown=SHUTDOWN_SECONDS,
                    http=TimedProtocol,
                    timeout_keep_alive=KEEP_ALIVE_SECONDS,
                    limit_concurrency=CONNECTIONS_MAX,
                    h11_max_incomplete_event_size=32768,
                )
            )
            self.config.load()
        except OSError as e:  # ssl.SSLError is one
            self._listener.close()
            raise CannotListen(f"http.certificate or http.key cannot be used: {e}") from None
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self.handle_exit)

    def run(self, sockets: list[socket.socket] | None = None) -> None:
        self._list_refresh.start()
        try:
            super().run(sockets or [self._listener])
        finally:
            self._list_refresh.stop()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self._redirect:
            await self._redirect.start()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        if self._redirect:
            await self._redirect.end()
        await super().shutdown(sockets)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """uvicorn's own raises the signal again; but a requested end is not a failure."""
        yield

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        exit_by_force_after(END_SECONDS)
        self._end_streams()
        super().handle_exit(sig, frame)

    def stop(self) -> None:
        self._end_streams()
        self.should_exit = True

    def _end_streams(self) -> None:
        # Open streams would delay the end; the application's own shutdown comes only after them.
        self._app.state.live.end()


def _listen(host: str, port: int, key: str = "port") -> socket.socket:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
    except OSError as e:
        raise CannotListen(f"http.host {host} cannot be used: {e.strerror}") from None
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(512)
    except OSError as e:
        listener.close()
        raise CannotListen(
            f"http.{key} {port} on {host} is not available: {(e.strerror or str(e)).lower()}"
        ) from None
    return listener
