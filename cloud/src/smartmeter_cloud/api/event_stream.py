"""The response that carries the live stream to one page."""

from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from smartmeter_cloud.api.caller import Caller
from smartmeter_cloud.api.live import Live
from smartmeter_cloud.api.problems import response
from smartmeter_cloud.api.stream_permission import StreamPermissions


class EventStream(StreamingResponse):
    """Refused with 503 if too many are open; it is counted from here to its end."""

    def __init__(self, live: Live, permissions: StreamPermissions, caller: Caller) -> None:
        super().__init__(
            permissions.while_permitted(caller, live.stream(caller.households)),
            media_type="text/event-stream",
            headers={"X-Accel-Buffering": "no"},
        )
        self._live = live
        self._households = caller.households

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # Nothing may be awaited between the question and the count: many come at once.
        if self._live.is_full(self._households):
            refusal = response(503, "too many pages are open", {"Retry-After": "30"})
            await refusal(scope, receive, send)
            return
        with self._live.listening(self._households):
            await super().__call__(scope, receive, send)
