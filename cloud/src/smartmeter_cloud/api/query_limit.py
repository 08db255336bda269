"""Gives each request a budget for its queries, and ends them when its client goes."""

import asyncio

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from smartmeter_cloud.store import query_budget
from smartmeter_cloud.store.query_budget import QueryBudget

QUERY_SECONDS = 10.0  # a year of one meter takes under 1 s


class QueryLimit:
    """Inside BodyLimit, which has read the body: what comes after it is that the client goes."""

    def __init__(self, app: ASGIApp, live: str) -> None:
        """live: the path of the stream, which asks the store for all of its readers."""
        self._app = app
        self._live = live

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # What deletes goes on to its end.
        if (
            scope["type"] != "http"
            or scope["path"] == self._live
            or scope["method"] not in ("GET", "POST")
        ):
            await self._app(scope, receive, send)
            return
        budget = QueryBudget(QUERY_SECONDS)
        query_budget.current.set(budget)
        body: Message | None = await receive()
        gone = asyncio.Event()

        async def watch() -> None:
            while (await receive())["type"] != "http.disconnect":
                pass
            gone.set()
            await asyncio.to_thread(budget.cancel)

        async def replay() -> Message:
            nonlocal body
            if body is not None:
                message, body = body, None
                return message
            await gone.wait()
            return {"type": "http.disconnect"}

        watcher = asyncio.create_task(watch())
        try:
            await self._app(scope, replay, send)
        finally:
            watcher.cancel()
