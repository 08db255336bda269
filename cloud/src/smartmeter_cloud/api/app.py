"""The application: routes under /v1, and the page's files."""

import time
from collections.abc import Awaitable, Callable
from datetime import datetime
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any

import msgspec
from fastapi import FastAPI, Query, Request
from fastapi import Path as InPath
from pydantic import AwareDatetime
from smartmeter.topics import is_id
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.responses import Response, StreamingResponse
from starlette.staticfiles import StaticFiles

import smartmeter_cloud
from smartmeter_cloud.api import forms, problems
from smartmeter_cloud.api.live import Live
from smartmeter_cloud.api.problems import Problem
from smartmeter_cloud.chain import chain
from smartmeter_cloud.config import LOOPBACK, HttpSettings
from smartmeter_cloud.store import Store

SLICES_MAX = 3000
WEB = Path(str(files("smartmeter_cloud") / "web"))

# Nothing but our own files runs in the page, whatever text a meter or a broker brings.
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' data:; connect-src 'self'; manifest-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}

MeterId = Annotated[str, InPath(description="A smartMeterId.", max_length=64)]


class Json(Response):
    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        return msgspec.json.encode(content)


def create(store: Store, settings: HttpSettings) -> FastAPI:
    live = Live(store)

    app = FastAPI(
        title="smartmeter-cloud",
        version=smartmeter_cloud.__version__,
        docs_url=None,
        redoc_url=None,
    )
    app.state.live = live
    problems.install(app)

    @app.middleware("http")
    async def headers(
        request: Request, handle: Callable[[Request], Awaitable[Response]]
    ) -> Response:
        response = await handle(request)
        response.headers.update(_HEADERS)
        if request.url.path.startswith("/v1/"):
            response.headers.setdefault("Cache-Control", "no-store")
        else:
            response.headers.setdefault("Cache-Control", "no-cache")
        return response

    # A page of somewhere else may point its own name at this address (DNS rebinding).
    names = [*LOOPBACK, "[::1]", settings.host, *settings.names]
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=names, www_redirect=False)

    @app.get("/healthz")
    def healthz() -> Json:
        """Whether the store answers."""
        store.counters()
        return Json({"status": "ok"})

    @app.get("/v1/meters")
    def meters() -> Json:
        """Every meter with its newest reading."""
        return Json([forms.meter(n) for n in store.newest()])

    @app.get("/v1/meters/{meter}/power")
    def power(
        meter: MeterId,
        start: Annotated[AwareDatetime, Query(alias="from", description="RFC 3339")],
        end: Annotated[AwareDatetime, Query(alias="to", description="RFC 3339")],
        width: Annotated[int, Query(ge=1, le=86400, description="seconds of a slice")] = 300,
    ) -> Json:
        """Power over time, feed-in negative: [start ms, mean W, least W, most W] a slice.

        A slice without a reading is not there. `first` has the first totals of that time, from
        which a page counts what has been used since.
        """
        if not is_id(meter):
            raise Problem(404, "there is no such meter")
        from_ms, to_ms = _ms(start), _ms(end)
        if not 0 < to_ms - from_ms <= SLICES_MAX * width * 1000:
            raise Problem(422, f"to must be after from, by at most {SLICES_MAX} slices of width")
        slices = store.power(meter, from_ms, to_ms, width * 1000)
        first = {}
        for code in ("1.8.0", "2.8.0"):
            found = store.first_total(meter, code, from_ms, to_ms)
            if found:
                time_text = forms.moment(found.time, found.offset)
                first[code] = {"time": time_text, "value": found.values[code]}
        return Json(
            {
                "from": forms.moment(from_ms),
                "to": forms.moment(to_ms),
                "width": width,
                "slices": [[s.start, round(s.mean, 1), s.low, s.high] for s in slices],
                "first": first,
            }
        )

    @app.get("/v1/chain")
    def state() -> Json:
        """Every box of the chain and how it is."""
        now = int(time.time() * 1000)
        return Json({"now": now, "boxes": chain(store, now)})

    @app.get("/v1/live")
    async def stream() -> StreamingResponse:
        """Server-sent events: `meters` (newest readings) and `chain`, whenever they change."""
        if live.full:
            raise Problem(503, "too many pages are open")
        return StreamingResponse(
            live.stream(), media_type="text/event-stream", headers={"X-Accel-Buffering": "no"}
        )

    app.mount("/", StaticFiles(directory=WEB, html=True))
    return app


def _ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
