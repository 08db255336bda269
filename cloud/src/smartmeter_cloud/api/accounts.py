"""Sessions, keys, households and Concentrators; and totals over many meters."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request
from fastapi import Path as InPath
from pydantic import BaseModel, ConfigDict, Field, StrictBool
from starlette.responses import Response

from smartmeter_cloud.api import openapi, schemas
from smartmeter_cloud.api.access import (
    Admin,
    Aggregates,
    Authenticator,
    Reads,
    cookie_name,
)
from smartmeter_cloud.api.fields import NUMBER, Id
from smartmeter_cloud.api.meters import SPAN_MAX_MS, From, MeterId, To, _ms
from smartmeter_cloud.api.openapi import refusals
from smartmeter_cloud.api.problems import Problem
from smartmeter_cloud.api.serializers import Json
from smartmeter_cloud.auth.scopes import SCOPES
from smartmeter_cloud.history.timestamps import rfc3339
from smartmeter_cloud.store.aggregates import days

router = APIRouter(tags=[openapi.PEOPLE])

Scope = Literal["read", "delete", "aggregate", "provision", "metrics", "admin"]


ConcentratorId = Annotated[
    str, InPath(description="A concentratorId.", max_length=64, pattern=r"^[A-Za-z0-9._-]+$")
]


KeyId = Annotated[str, InPath(description="An id of /v1/keys.", max_length=64)]


class Token(BaseModel):
    model_config = ConfigDict(extra="forbid")
    token: str = Field(max_length=200)


@router.post("/v1/session", response_model=schemas.Opened, responses=refusals(401, 422))
def log_in(body: Token, request: Request) -> Response:
    """Exchanges the token of a one-time link, or a key, for a session's cookie.

    The session ends with the key, and after 30 days at the latest.
    """
    authenticator: Authenticator = request.app.state.authenticator
    session, token = authenticator.open_session(request, body.token)
    assert session.expires is not None  # at most SESSION_DAYS
    answer = Json({"expires": rfc3339(session.expires)})
    answer.set_cookie(
        cookie_name(request),
        token,
        max_age=max(0, (session.expires - session.created) // 1000),
        httponly=True,
        secure=request.url.scheme == "https",
        samesite="strict",
    )
    return answer


@router.delete("/v1/session", response_model=schemas.Nothing, responses=refusals())
def log_out(request: Request) -> Response:
    """Ends the session of the cookie.

    The keys that were made in this session end with it.
    """
    authenticator: Authenticator = request.app.state.authenticator
    authenticator.close_session(request.cookies.get(cookie_name(request), ""))
    answer = Json({})
    answer.delete_cookie(cookie_name(request), secure=request.url.scheme == "https")
    return answer


@router.get("/v1/session", response_model=schemas.Session, responses=refusals(401, 403))
def get_session(caller: Reads) -> Json:
    """The caller, and the caller's rights.

    `households` is null for a caller that may see all of them.
    """
    households = None if caller.households is None else sorted(caller.households)
    return Json({"name": caller.name, "scopes": sorted(caller.scopes), "households": households})


class NewKey(BaseModel):
    """household null: all of them; days null: no end of its own."""

    model_config = ConfigDict(extra="forbid")
    name: str = Field(min_length=1, max_length=80)
    scopes: list[Scope] = Field(min_length=1, max_length=len(SCOPES))
    household: Id | None = None
    days: Annotated[int, Field(ge=1, le=3650), NUMBER] | None = None
    once: StrictBool = False


@router.post("/v1/keys", response_model=schemas.GivenKey, responses=refusals(401, 403, 422))
def create_key(body: NewKey, caller: Admin) -> Json:
    """Creates an API key. It is only shown in this answer.

    The key ends no later than the key or session that makes it, and is removed with it. Use
    `smartmeter-cloud key` for one that stands by itself.
    """
    scopes = " ".join(s for s in SCOPES if s in body.scopes)
    key, text = caller.give_key(body.name, scopes, body.household, body.days, body.once)
    expires = None if key.expires is None else rfc3339(key.expires)
    return Json({"id": key.id, "key": text, "expires": expires})


@router.get("/v1/keys", response_model=list[schemas.Key], responses=refusals(401, 403))
def list_keys(caller: Admin) -> Json:
    """The keys and sessions of the caller's households, without their secrets.

    `id` is what removes a key. It is not a secret.
    """
    return Json(
        [
            {
                "id": k.id,
                "name": k.name,
                "scopes": k.scopes.split(),
                "household": k.household,
                "created": rfc3339(k.created),
                "expires": None if k.expires is None else rfc3339(k.expires),
            }
            for k in caller.access_keys()
        ]
    )


@router.delete(
    "/v1/keys/{id}", response_model=schemas.Nothing, responses=refusals(401, 403, 404, 422)
)
def remove_key(id: KeyId, caller: Admin) -> Json:
    """Removes a key at once, with every key, session, stream and download made with it.

    Only the keys of the caller's own households can be removed.
    """
    caller.remove_key(id)
    return Json({})


@router.get("/v1/households", response_model=list[schemas.Household], responses=refusals(401, 403))
def list_households(caller: Reads) -> Json:
    """The households that the caller may see, with their meters and Concentrators.

    A household exists as long as it has a meter, a Concentrator or a key.
    """
    found: dict[str, dict[str, list[str]]] = {}
    for name, household in sorted(caller.concentrators().items()):
        found.setdefault(household, {"meters": [], "concentrators": []})["concentrators"] += [name]
    for meter in caller.store.meters():
        entry = found.setdefault(meter.household, {"meters": [], "concentrators": []})
        entry["meters"].append(meter.name)
    return Json(
        [
            {"id": household} | found[household]
            for household in sorted(found)
            if caller.households is None or household in caller.households
        ]
    )


class Place(BaseModel):
    model_config = ConfigDict(extra="forbid")
    household: Id


@router.put(
    "/v1/concentrators/{concentrator}",
    response_model=schemas.PlacedConcentrator,
    responses=refusals(401, 403, 404, 422),
)
def place_concentrator(concentrator: ConcentratorId, body: Place, caller: Admin) -> Json:
    """Assigns a Concentrator to a household. The meters behind it stay where they are.

    `elsewhere` lists those of other households. The Cloud refuses their further readings, and the
    Concentrator keeps them, until you move each meter or the Concentrator.
    """
    elsewhere = caller.place_concentrator(concentrator, body.household)
    return Json({"id": concentrator, "household": body.household, "elsewhere": elsewhere})


@router.put(
    "/v1/meters/{meter}/household",
    response_model=schemas.Placed,
    responses=refusals(401, 403, 404, 422),
)
def move_meter(meter: MeterId, body: Place, caller: Admin) -> Json:
    """Moves a meter, its sub-meters and all of their history to a household.

    Only an administrator of all households may move a meter to another one.
    """
    caller.move_meter(meter, body.household)
    return Json({"id": meter, "household": body.household})


@router.get("/v1/audit", response_model=list[schemas.AuditLine], responses=refusals(401, 403))
def list_audit(caller: Admin) -> Json:
    """Log-ins, deletions, and keys that were created or deleted; the newest 500.

    An administrator of one household only sees what concerns it.
    """
    return Json([{"time": rfc3339(a), "who": w, "what": x} for a, w, x in caller.notes(500)])


@router.get("/v1/aggregate", response_model=list[schemas.Sum], responses=refusals(401, 403, 422))
def list_sums(
    start: From,
    end: To,
    caller: Aggregates,
    by: Annotated[Literal["hour", "day"], Query(description="the length of a slice")] = "day",
) -> Json:
    """What all households used together, by hours that have been over for a day.

    An hour is published if at least 20 households other than yours used something in it. You
    cannot select households, a day is the sum of its published hours, and what is published
    never changes. So the difference of two answers is never one household's.
    """
    from_ms, to_ms = _ms(start), _ms(end)
    if not 0 < to_ms - from_ms <= SPAN_MAX_MS:
        raise Problem(422, "to must be after from, by at most 40 years")
    found = caller.sums(from_ms, to_ms)
    if by == "day":
        found = days(found, caller.store.zone)
    return Json(
        [
            {
                "start": s.start,
                "hours": s.hours,
                "households": s.households,
                "drawn": round(s.drawn),
                "fed": None if s.fed is None else round(s.fed),
            }
            for s in found
        ]
    )
