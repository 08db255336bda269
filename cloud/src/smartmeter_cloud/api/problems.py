"""Errors as problem details (RFC 9457): a person reads `detail`, a program `status`."""

import asyncio
import logging
from http import HTTPStatus

import msgspec
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from smartmeter_cloud.api.openapi import methods
from smartmeter_cloud.api.query_limit import QUERY_SECONDS
from smartmeter_cloud.pki.authority import AuthorityError, BadRequest
from smartmeter_cloud.pki.enrolment import NotAllowed, UnknownToken
from smartmeter_cloud.store.interface import QueryStopped, StoreUnavailable

_log = logging.getLogger("smartmeter_cloud.api")


class Problem(Exception):
    """A request cannot be answered; detail is one sentence."""

    def __init__(
        self,
        status: int,
        detail: str,
        headers: dict[str, str] | None = None,
        delay: float = 0.0,  # s until it is answered
    ) -> None:
        super().__init__(detail)
        self.delay = delay
        self.status = status
        self.detail = detail
        self.headers = headers


def response(status: int, detail: str, headers: dict[str, str] | None = None) -> Response:
    document = {"title": HTTPStatus(status).phrase, "status": status, "detail": detail}
    return Response(
        msgspec.json.encode(document),
        status_code=status,
        headers=headers,
        media_type="application/problem+json",
    )


def install(app: FastAPI) -> None:
    @app.exception_handler(Problem)
    async def problem(request: Request, error: Problem) -> Response:
        await asyncio.sleep(error.delay)
        return response(error.status, error.detail, error.headers)

    @app.exception_handler(HTTPException)
    async def http(request: Request, error: HTTPException) -> Response:
        if error.status_code in (404, 405) and (allowed := methods(app, request.url.path)):
            # The page's files would answer for every address that they do not have.
            text = ", ".join(allowed)
            return response(405, f"this address accepts {text}", {"Allow": text})
        detail = {404: "there is nothing at this address"}.get(error.status_code, error.detail)
        return response(error.status_code, detail, dict(error.headers or {}))

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"] if part not in ("query", "path"))
        return response(422, f"{where or 'the request'}: {first['msg']}")

    @app.exception_handler(BadRequest)
    async def bad(request: Request, error: BadRequest) -> Response:
        return response(400, str(error))

    @app.exception_handler(UnknownToken)
    async def token(request: Request, error: UnknownToken) -> Response:
        return response(401, str(error), {"WWW-Authenticate": "Bearer"})

    @app.exception_handler(NotAllowed)
    async def refused(request: Request, error: NotAllowed) -> Response:
        return response(403, str(error))

    @app.exception_handler(AuthorityError)
    async def authority(request: Request, error: AuthorityError) -> Response:
        _log.error("%s %s: %s", request.method, request.url.path, error)
        return response(503, "no certificates can be issued at the moment", {"Retry-After": "60"})

    @app.exception_handler(QueryStopped)
    async def stopped(request: Request, error: QueryStopped) -> Response:
        detail = f"this takes longer than {QUERY_SECONDS:g} s; ask for less at a time"
        return response(503, detail, {"Retry-After": "10"})

    @app.exception_handler(StoreUnavailable)
    async def store(request: Request, error: StoreUnavailable) -> Response:
        _log.error("%s %s: %s", request.method, request.url.path, error)
        return response(503, "the database is not available at the moment", {"Retry-After": "5"})

    @app.exception_handler(Exception)
    async def unexpected(request: Request, error: Exception) -> Response:
        # uvicorn logs the exception itself
        return response(500, "unexpected error; see the server's log")
