"""Limits how long a request may take to arrive, so that a slow client holds no connection."""

import asyncio

from uvicorn.protocols.http.h11_impl import H11Protocol

KEEP_ALIVE_SECONDS = 30  # that a connection may be idle between two requests
HEAD_SECONDS = 20.0  # that the header of a request may take to arrive


class TimedProtocol(H11Protocol):
    """Ends a connection whose request does not arrive; answers may take longer."""

    _limit: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._wait(HEAD_SECONDS)

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._wait(KEEP_ALIVE_SECONDS + HEAD_SECONDS)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._limit:
            self._limit.cancel()
        super().connection_lost(exc)

    def _wait(self, seconds: float) -> None:
        if self._limit:
            self._limit.cancel()
        self._limit = self.loop.call_later(seconds, self._look)

    def _look(self) -> None:
        if self.cycle is None or self.cycle.response_complete:
            self.transport.close()
