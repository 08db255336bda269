"""Additions to the OpenAPI document that FastAPI generates."""

import re
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute

NOW, HISTORY, ADAPTERS = "Now", "History", "Adapters"
ENROLMENT, PEOPLE, SERVER = "Enrolment", "People", "Server"

_TAGS = {
    NOW: "The newest readings, and the state of the chain.",
    HISTORY: "Readings and energy over time; download and deletion.",
    ADAPTERS: "New meters, and the settings of their adapters.",
    ENROLMENT: "Certificates of Concentrators (EST, RFC 7030).",
    PEOPLE: "Log-in, keys, households, the audit log and sums over all meters.",
    SERVER: "For those who run this server.",
}
_ABOUT = """Errors are problem details (RFC 9457).

Times are RFC 3339 with an offset, or ms since 1970 UTC where they are numbers. Powers are in W,
energies in Wh, voltages in V. What a meter did not send is absent or null, never 0."""

_PROBLEM = {
    "type": "object",
    "title": "Problem",
    "description": "RFC 9457; detail is one sentence for a person.",
    "properties": {
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
    },
    "required": ["title", "status", "detail"],
    "example": {"title": "Not Found", "status": 404, "detail": "there is no such meter"},
}
_WHY = {
    400: "The body or the certificate signing request is not valid.",
    401: "No key, session or token, or one that is not valid.",
    403: "The key lacks the scope for this, or it is never allowed.",
    404: "It does not exist, or it belongs to somebody else.",
    409: "There are too many of these already.",
    422: "A field or parameter is not valid; the detail names it.",
    429: "Too many wrong keys from this address. The right key still works at once.",
    503: "The database, the CA or a stream is not available at the moment.",
}
_CONTENT = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}


def refusals(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The errors that an endpoint may return, in addition to 400 and 503, which any may return.

    If a key is required, too many wrong ones return 429.
    """
    guarded = (429,) if 401 in statuses else ()
    return {
        status: {"description": _WHY[status], "content": _CONTENT}
        for status in sorted({*statuses, *guarded, 400, 503})
    }


def document(about: str, *media_types: str) -> dict[int | str, dict[str, Any]]:
    """An answer that is not JSON."""
    content = {media_type: {"schema": {"type": "string"}} for media_type in media_types}
    return {200: {"description": about, "content": content}}


def operation_id(route: APIRoute) -> str:
    """What client generators call an operation: list_meters becomes listMeters."""
    first, *others = route.name.split("_")
    return first + "".join(part.capitalize() for part in others)


def describe(app: FastAPI) -> None:
    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _openapi(app)
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]


def methods(app: FastAPI, path: str) -> list[str]:
    """The methods of a path of the API, none if there is no such path."""
    found = []
    for template, operations in app.openapi()["paths"].items():
        pattern = "".join(
            "[^/]+" if part.startswith("{") else re.escape(part)
            for part in re.split(r"(\{[^}]*\})", template)
        )
        if re.fullmatch(pattern, path):
            found += [method.upper() for method in operations]
    return sorted(found)


def _openapi(app: FastAPI) -> dict[str, Any]:
    made = get_openapi(
        title=app.title,
        version=app.version,
        description=_ABOUT,
        license_info=app.license_info,
        servers=app.servers,
        routes=app.routes,
        tags=[{"name": name, "description": about} for name, about in _TAGS.items()],
    )
    made.setdefault("components", {}).setdefault("schemas", {})["Problem"] = _PROBLEM
    for path in made["paths"].values():
        for operation in path.values():
            # The first line of a docstring is its summary.
            summary, _, rest = operation.get("description", "").partition("\n")
            operation["summary"] = summary.rstrip(".") or operation["summary"]
            operation["description"] = rest.strip()
            # Without this, generators and linters do not know that no key is needed.
            operation.setdefault("security", [])
    return made
