"""The specification's POST and DELETE /v1/meterReadings, and the bulk download."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import msgspec
from fastapi import APIRouter, Query, Request
from fastapi import Path as InPath
from pydantic import BaseModel, ConfigDict, Field
from smartmeter.wire.values import TEXT_MAX
from starlette.responses import StreamingResponse

from smartmeter_cloud.api import openapi, schemas
from smartmeter_cloud.api.access import Deletes, Reads
from smartmeter_cloud.api.caller import Caller
from smartmeter_cloud.api.fields import NUMBER, Moment
from smartmeter_cloud.api.keys import digest, now_ms
from smartmeter_cloud.api.openapi import refusals
from smartmeter_cloud.api.problems import Problem
from smartmeter_cloud.api.serializers import Json
from smartmeter_cloud.history import bulk
from smartmeter_cloud.history.properties import UNITS
from smartmeter_cloud.history.timestamps import rfc3339
from smartmeter_cloud.store import query as queries
from smartmeter_cloud.store import query_budget
from smartmeter_cloud.store.interface import Store
from smartmeter_cloud.store.rows import (
    ABOVE,
    BELOW,
    EQUAL,
    NUL,
    PROPERTY_PREFIX,
    Condition,
    Reading,
)

PAGE_MAX = 1000
ROWS_MAX = 20_000  # more than this only in bulk
LINK_SECONDS = 3600
OBIS_CODE = r"([0-9]{1,3}-[0-9]{1,3}:)?[0-9]{1,3}(\.[0-9]{1,3}){2}"  # IEC 62056-61

router = APIRouter(tags=[openapi.HISTORY])


Finite = Annotated[float, Field(allow_inf_nan=False), NUMBER]


class PropertyFilter(BaseModel):
    """Values of this property; with a condition, only readings that meet it."""

    model_config = ConfigDict(extra="forbid")
    specificPropertyName: str = Field(
        max_length=64,
        pattern=PROPERTY_PREFIX.join(
            ("^", r"([0-9]{1,3}-[0-9]{1,3}:)?[0-9]{1,3}(\.[0-9]{1,3}){2}$")
        ),
        examples=["OBIS_1.8.0"],
    )
    numericalValueGreaterThan: Finite | None = None
    numericalValueLessThan: Finite | None = None
    numericalValueEqualTo: Finite | None = None
    textValueEqualTo: str | None = Field(
        None, max_length=TEXT_MAX, description="of a property that has a text, such as 96.13.0"
    )


class MeterReadingsRequest(BaseModel):
    """All fields are optional."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {
                "readingTimeStart": "2026-11-22T00:00:00+01:00",
                "readingTimeEnd": "2026-11-23T00:00:00+01:00",
                "pageSize": 100,
                "operationalProperties": [
                    {"specificPropertyName": "OBIS_1.7.0", "numericalValueGreaterThan": 3000},
                    {"specificPropertyName": "OBIS_1.8.0"},
                ],
            }
        },
    )
    readingTimeStart: Moment | None = Field(None, description="not before this")
    readingTimeEnd: Moment | None = Field(None, description="before this")
    maxRows: Annotated[int, Field(ge=1, le=2**53), NUMBER] | None = Field(
        None, description=f"in all pages together; more than {ROWS_MAX} only in bulk"
    )
    pageNumber: Annotated[int, Field(ge=0, le=ROWS_MAX, description="from 0"), NUMBER] = 0
    pageSize: Annotated[int, Field(ge=1, le=PAGE_MAX, description="readings of a page"), NUMBER] = (
        100
    )
    operationalProperties: list[PropertyFilter] = Field(
        [], max_length=64, description="none: all properties; a reading must meet all conditions"
    )
    meterIds: list[Annotated[str, Field(max_length=64)]] = Field(
        [], max_length=1000, description="none: all that you may see"
    )
    bulk: Literal["csv", "parquet"] | None = Field(
        None, description="answer with a link to a download in this form"
    )


@router.post(
    "/v1/meterReadings",
    response_model=schemas.MeterReadings,
    responses=refusals(401, 403, 422),
)
def query_meter_readings(body: MeterReadingsRequest, request: Request, caller: Reads) -> Json:
    """Readings by time, meter, property and value, in pages or as a link to all of them.

    More than 20 000 rows are only available in bulk: the answer is then `linkToBulk` alone.
    """
    query = _query(body, caller)
    first = body.pageNumber * body.pageSize
    past = first + body.pageSize > ROWS_MAX or (body.maxRows or 0) > ROWS_MAX
    if body.bulk == "parquet" and not bulk.has_parquet():
        raise Problem(422, "bulk: this server was installed without Parquet; use csv")
    if body.bulk or past:
        asked = msgspec.json.encode(_Kept(query, body.bulk or "csv")).decode()
        token = caller.keep_download(asked, LINK_SECONDS)
        return Json({"linkToBulk": str(request.base_url) + f"v1/bulk/{token}"})
    content = []
    units = {m.name: m.medium.units for m in caller.store.meters(caller.households)}
    more = False
    last = min(first + body.pageSize, body.maxRows or ROWS_MAX)
    for i, one in enumerate(queries.run(caller.store, query)):
        if i >= last:
            more = True
            break
        if i >= first:
            content.append(_form(one, units.get(one.meter, {})))
    page = {"pageNumber": body.pageNumber, "pageSize": body.pageSize, "hasNext": more}
    return Json({"page": page, "content": content})


@router.get(
    "/v1/bulk/{token}",
    response_class=StreamingResponse,
    responses=openapi.document("All the readings.", *bulk.MEDIA.values()) | refusals(404, 422),
)
def download_readings(
    token: Annotated[str, InPath(description="The last part of the link.", max_length=200)],
    request: Request,
) -> StreamingResponse:
    """A bulk download; the link itself is the permission, for an hour.

    The link is `linkToBulk` of POST /v1/meterReadings. It ends with the key that asked for it.
    """
    store: Store = request.app.state.authenticator.store
    found = store.download(digest(token), now_ms())
    if found is None:
        raise Problem(404, "there is no such download, or it has expired")
    kept = msgspec.json.decode(found, type=_Kept)
    return StreamingResponse(
        bulk.stream(kept.kind, store, kept.query, _renew_budget),
        media_type=bulk.MEDIA[kept.kind],
        headers={"Content-Disposition": f'attachment; filename="readings.{kept.kind}"'},
    )


@router.delete(
    "/v1/meterReadings",
    response_model=schemas.Deleted,
    responses=refusals(401, 403, 404, 422),
)
def delete_meter(
    caller: Deletes, id: Annotated[str, Query(max_length=64, description="A smartMeterId.")]
) -> Json:
    """Deletes a meter and its sub-meters with all their readings, roll-ups and states.

    Nothing of it can be restored. The audit log notes it.
    """
    return Json({"deleted": caller.forget_meter(id)})


def _query(body: MeterReadingsRequest, caller: Caller) -> queries.Query:
    start = 0 if body.readingTimeStart is None else int(body.readingTimeStart.timestamp() * 1000)
    end = (
        queries.FAR_MS
        if body.readingTimeEnd is None
        else int(body.readingTimeEnd.timestamp() * 1000)
    )
    codes: list[str] = []
    conditions: list[Condition] = []
    for wanted in body.operationalProperties:
        text = wanted.textValueEqualTo
        code = wanted.specificPropertyName.removeprefix(PROPERTY_PREFIX)
        if code not in codes:
            codes.append(code)
        for sign, number in (
            (ABOVE, wanted.numericalValueGreaterThan),
            (BELOW, wanted.numericalValueLessThan),
            (EQUAL, wanted.numericalValueEqualTo),
            (EQUAL, text and text.replace("\0", NUL)),
        ):
            if number is not None:
                conditions.append(Condition(code, sign, number))
    own = caller.meters()
    meters = own if not body.meterIds else own & set(body.meterIds)
    return queries.Query(
        tuple(sorted(meters)), start, end, tuple(codes), tuple(conditions), body.maxRows
    )


def _form(r: Reading, units: Mapping[str, str]) -> dict[str, Any]:
    """units: of the meter, by code, where they differ from those of the properties."""
    form: dict[str, Any] = {
        "readingTime": rfc3339(r.time, r.offset),
        "meterId": r.meter,
        "propertyValues": [
            _property_value(r, code, units) for code in dict.fromkeys([*r.values, *r.texts])
        ],
    }
    if r.suspect:
        form["faultCode"] = "CLOCK"
    if r.ratio != 1:
        form["ratio"] = r.ratio
    return form


def _property_value(r: Reading, code: str, units: Mapping[str, str]) -> dict[str, Any]:
    made: dict[str, Any] = {"propertyName": PROPERTY_PREFIX + code}
    if code in r.values:
        own = queries.own_code(r.meter, code) or code
        made["numericalValue"] = r.values[code]
        made["unit"] = units.get(own) or UNITS.get(own, "")
    if code in r.texts:
        made["textValue"] = r.texts[code]
    return made


def _renew_budget() -> None:
    """A download may take long, as long as it goes on."""
    if budget := query_budget.current.get():
        budget.renew()


class _Kept(msgspec.Struct):
    """The content of a link."""

    query: queries.Query
    kind: Literal["csv", "parquet"]
