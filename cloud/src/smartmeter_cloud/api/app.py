"""The application: routes under /v1, and the page's files."""

from collections import Counter
from collections.abc import Awaitable, Callable
from importlib.resources import files
from pathlib import Path

from anyio import CapacityLimiter, to_thread
from fastapi import FastAPI, Request
from smartmeter_service.metrics import exposition
from smartmeter_service.unexpected_errors import UnexpectedErrors
from starlette.middleware.gzip import GZipMiddleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.responses import Response, StreamingResponse
from starlette.staticfiles import StaticFiles

import smartmeter_cloud
from smartmeter_cloud.api import (
    accounts,
    adapters,
    enrolment,
    meters,
    openapi,
    problems,
    readings,
    schemas,
)
from smartmeter_cloud.api.access import Authenticator, Listens, Reads, ReadsMetrics
from smartmeter_cloud.api.body_limit import BodyLimit
from smartmeter_cloud.api.concurrency_limit import ConcurrencyLimit
from smartmeter_cloud.api.event_stream import EventStream
from smartmeter_cloud.api.live import Live
from smartmeter_cloud.api.observations import observe
from smartmeter_cloud.api.openapi import refusals
from smartmeter_cloud.api.problems import Problem
from smartmeter_cloud.api.query_limit import QueryLimit
from smartmeter_cloud.api.serializers import Json, now
from smartmeter_cloud.api.stream_permission import StreamPermissions
from smartmeter_cloud.auth.oidc import Issuer
from smartmeter_cloud.config.settings import HttpSettings
from smartmeter_cloud.history.zone_check import ZoneChecks
from smartmeter_cloud.monitoring import prometheus
from smartmeter_cloud.monitoring.chain import chain, own_boxes
from smartmeter_cloud.pki.enrolment import Enrolment
from smartmeter_cloud.store.interface import Store

WEB = Path(str(files("smartmeter_cloud") / "web"))

# Only our own files run in the page, whatever text a meter or a broker sends.
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' data:; connect-src 'self'; manifest-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}

_HSTS_SECONDS = 180 * 86400  # how long a browser that used TLS once only uses TLS


def create(store: Store, settings: HttpSettings, faults: UnexpectedErrors) -> FastAPI:
    zones = ZoneChecks()
    live = Live(store, zones, faults)
    permissions = StreamPermissions(store)
    issuer = Issuer(settings.oidc, faults) if settings.oidc else None

    app = FastAPI(
        title="smartmeter-cloud",
        license_info={"name": "Apache License 2.0", "identifier": "Apache-2.0"},
        servers=[{"url": "/", "description": "this server"}],
        generate_unique_id_function=openapi.operation_id,
        version=smartmeter_cloud.__version__,
        docs_url=None,
        redoc_url=None,
    )
    app.state.live = live
    app.state.concurrency_limit = ConcurrencyLimit()
    app.state.authenticator = Authenticator(store, settings.is_open, issuer)
    app.state.enrolment = Enrolment(store, settings.enrolment)
    problems.install(app)
    answered: Counter[str] = Counter()

    @app.middleware("http")
    async def headers(
        request: Request, handle: Callable[[Request], Awaitable[Response]]
    ) -> Response:
        response = await handle(request)
        answered[f"{response.status_code // 100}xx"] += 1
        response.headers.update(_HEADERS)
        if settings.certificate:
            response.headers["Strict-Transport-Security"] = f"max-age={_HSTS_SECONDS}"
        if request.url.path.startswith("/v1/"):
            response.headers.setdefault("Cache-Control", "no-store")
        else:
            response.headers.setdefault("Cache-Control", "no-cache")
        return response

    # Another site's page may point its own name at this address (DNS rebinding).
    names = [*settings.called, "[::1]"]
    app.add_middleware(QueryLimit, live="/v1/live")
    app.add_middleware(BodyLimit)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=names, www_redirect=False)

    openapi.describe(app)

    # Its own threads: it answers however busy the others are.
    health_threads = CapacityLimiter(2)

    # Uptime monitors ask by HEAD.
    @app.head("/healthz", include_in_schema=False)
    @app.get("/healthz", tags=[openapi.SERVER], response_model=schemas.Health, responses=refusals())
    async def get_health() -> Json:
        """Whether the store answers, and the live stream reads it.

        For probes of containers and load balancers. It answers however busy the API is.
        """
        await to_thread.run_sync(store.counters, limiter=health_threads)
        if not live.is_alive:
            raise Problem(503, "the live stream has stopped; restart this process")
        return Json({"status": "ok"})

    @app.head("/metrics", include_in_schema=False)
    @app.get(
        "/metrics",
        tags=[openapi.SERVER],
        response_class=Response,
        responses=openapi.document("Text exposition format 0.0.4.", "text/plain")
        | refusals(401, 403),
    )
    def get_metrics(caller: ReadsMetrics, request: Request) -> Response:
        """Counters of the store and of this process, and the age of readings, for Prometheus.

        The key needs the scope `metrics`, and no household.
        """
        metrics = prometheus.of_api(
            observe(store, zones),
            now(),
            answered,
            live.streams,
            app.state.authenticator.wrong_keys.count,
            faults.counts(),
        )
        body, kind = exposition(metrics, request.headers.get("accept", ""))
        return Response(body, media_type=kind)

    @app.get(
        "/v1/chain",
        tags=[openapi.NOW],
        response_model=schemas.Chain,
        responses=refusals(401, 403),
    )
    def get_chain(caller: Reads) -> Json:
        """The state of every part of the chain.

        Meters, adapters, Concentrators, ingest and the store, each with its state and the reason.
        """
        at = now()
        boxes = chain(observe(store, zones, caller.households), at)
        if caller.households is not None:
            boxes = own_boxes(boxes, caller.meters().__contains__)
        return Json({"now": at, "boxes": boxes})

    @app.get(
        "/v1/live",
        tags=[openapi.NOW],
        response_class=StreamingResponse,
        responses=openapi.document("Events, for as long as it is read.", "text/event-stream")
        | refusals(401, 403),
    )
    def stream_live(caller: Listens) -> EventStream:
        """Server-sent events: `meters` (newest readings) and `chain`, whenever they change.

        When nothing else was sent for 5 s, `beat` says that the server is still there.

        The stream ends when its key, session or token does.
        """
        return EventStream(live, permissions, caller)

    for part in (meters, readings, adapters, enrolment, accounts):
        app.include_router(part.router)
    # Only these files: an answer with a secret beside a stranger's text must not be compressed
    # (BREACH), and the live stream must not wait for a full block.
    app.mount("/", GZipMiddleware(StaticFiles(directory=WEB, html=True), compresslevel=6))
    return app
