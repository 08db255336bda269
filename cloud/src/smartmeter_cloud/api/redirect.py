"""Sends requests without TLS to the address with TLS, and answers nothing else."""

import asyncio
import contextlib
import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

import uvicorn
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import Receive, Scope, Send

from smartmeter_cloud.api.request_timeouts import TimedProtocol

_AT_A_TIME = 200


class Redirect(uvicorn.Server):
    """Answers 308 on a listening socket. names: what requests may call this server."""

    def __init__(self, listener: socket.socket, port: int, names: tuple[str, ...]) -> None:
        self._listener = listener
        self._port = port
        self._names = names
        self._task: asyncio.Task[None] | None = None
        super().__init__(
            uvicorn.Config(
                self._app,
                interface="asgi3",  # uvicorn does not see it of a method
                http=TimedProtocol,
                lifespan="off",
                log_level="warning",
                access_log=False,
                server_header=False,
                limit_concurrency=_AT_A_TIME,
                timeout_graceful_shutdown=1,
            )
        )

    async def start(self) -> None:
        self._task = asyncio.create_task(self.serve([self._listener]))

    async def end(self) -> None:
        self.should_exit = True
        if self._task:
            await self._task

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals are for the server beside this one, which ends both."""
        yield

    async def _app(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._answer(Request(scope))(scope, receive, send)

    def _answer(self, request: Request) -> Response:
        try:
            name = urlsplit(f"//{request.headers.get('host', '')}").hostname
        except ValueError:
            name = None
        if name not in self._names:
            # Otherwise this would lead to wherever a request says.
            return PlainTextResponse("this server does not have that name\n", 400)
        host = f"[{name}]" if ":" in name else name
        port = "" if self._port == 443 else f":{self._port}"
        path = request.scope["raw_path"].decode("latin-1")
        query = request.scope["query_string"].decode("latin-1")
        target = (path if path.startswith("/") else "/") + (f"?{query}" if query else "")
        return RedirectResponse(f"https://{host}{port}{target}", 308)
