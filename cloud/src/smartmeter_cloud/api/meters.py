"""Meters: their present state, and their power and energy over time."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from fastapi import Path as InPath
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from starlette.responses import Response

from smartmeter_cloud.api import openapi, schemas, serializers
from smartmeter_cloud.api.access import Reads
from smartmeter_cloud.api.caller import Caller
from smartmeter_cloud.api.openapi import refusals
from smartmeter_cloud.api.problems import Problem
from smartmeter_cloud.api.serializers import Json
from smartmeter_cloud.history import consumption, energy
from smartmeter_cloud.history.properties import PROPERTIES
from smartmeter_cloud.history.timestamps import rfc3339
from smartmeter_cloud.store import submeter_total
from smartmeter_cloud.store.rows import PROPERTY_PREFIX

SLICES_MAX = 3000
SPAN_MAX_MS = 40 * 366 * 86_400_000
LENGTH_MS = {"quarter": 900_000, "hour": 3_600_000, "day": 86_400_000, "month": 30 * 86_400_000}

MeterId = Annotated[str, InPath(description="A smartMeterId.", max_length=64)]
From = Annotated[AwareDatetime, Query(alias="from", description="RFC 3339, with offset")]
To = Annotated[AwareDatetime, Query(alias="to", description="RFC 3339, with offset")]

router = APIRouter()

_PHASES = ("l1", "l2", "l3")


@router.get(
    "/v1/meters",
    tags=[openapi.NOW],
    response_model=list[schemas.Meter],
    responses=refusals(401, 403),
)
def list_meters(caller: Reads) -> Json:
    """Every meter with its newest reading.

    A meter that has never sent a reading is left out.
    """
    labels = {m.name: m.label for m in caller.store.meters()}
    return Json([serializers.meter(n, labels.get(n.reading.meter, "")) for n in caller.newest()])


class Label(BaseModel):
    model_config = ConfigDict(extra="forbid")
    label: str = Field(max_length=80)


@router.put(
    "/v1/meters/{meter}",
    tags=[openapi.NOW],
    response_model=schemas.Labelled,
    responses=refusals(401, 403, 404, 422),
)
def name_meter(meter: MeterId, body: Label, caller: Reads) -> Json:
    """Gives a meter a name for its owner; an empty one removes it.

    The name is only shown. The meter's id stays the same.
    """
    caller.name_meter(meter, body.label.strip().replace("\0", ""))
    return Json({"id": meter, "label": body.label.strip()})


@router.get(
    "/v1/meters/{meter}/power",
    tags=[openapi.HISTORY],
    response_model=schemas.Power,
    responses=refusals(401, 403, 404, 422),
)
def get_power(
    meter: MeterId,
    start: From,
    end: To,
    caller: Reads,
    width: Annotated[int, Query(ge=1, le=86400, description="seconds of a slice")] = 300,
) -> Json:
    """Power over time, export negative: mean, lowest and highest W of each slice.

    Slices without a reading are left out. `first` has the first totals of that time, from which a
    page counts what has been used since.
    """
    from_ms, to_ms = _span(start, end, width)
    slices = caller.power(meter, from_ms, to_ms, width * 1000)
    first = {}
    for code in ("1.8.0", "2.8.0"):
        found = caller.first_total(meter, code, from_ms, to_ms)
        if found:
            at = rfc3339(found.time, found.offset)
            first[code] = {"time": at, "value": found.values[code]}
    return Json(
        {
            "from": rfc3339(from_ms),
            "to": rfc3339(to_ms),
            "width": width,
            "slices": [
                {"start": s.start, "mean": round(s.mean, 1), "low": s.low, "high": s.high}
                for s in slices
            ],
            "first": first,
        }
    )


@router.get(
    "/v1/meters/{meter}/voltage",
    tags=[openapi.HISTORY],
    response_model=schemas.Voltage,
    responses=refusals(401, 403, 404, 422),
)
def get_voltage(
    meter: MeterId,
    start: From,
    end: To,
    caller: Reads,
    width: Annotated[int, Query(ge=1, le=86400, description="seconds of a slice")] = 600,
) -> Json:
    """Voltage over time: mean, lowest and highest V of each phase and slice.

    Slices without a reading are left out. EN 50160 applies to the 10-minute averages of a week.
    """
    from_ms, to_ms = _span(start, end, width)
    slices = caller.voltage(meter, from_ms, to_ms, width * 1000)
    return Json(
        {
            "from": rfc3339(from_ms),
            "to": rfc3339(to_ms),
            "width": width,
            "slices": [
                {
                    "start": s.start,
                    **{
                        name: p and {"mean": round(p.mean, 2), "low": p.low, "high": p.high}
                        for name, p in zip(_PHASES, s.phases, strict=True)
                    },
                }
                for s in slices
            ],
        }
    )


@router.get(
    "/v1/meters/{meter}/energy",
    tags=[openapi.HISTORY],
    response_model=schemas.Energy,
    responses=refusals(401, 403, 404, 422),
)
def get_energy(
    meter: MeterId,
    start: From,
    end: To,
    caller: Reads,
    by: Annotated[
        Literal["quarter", "hour", "day", "month"], Query(description="the length of a bar")
    ] = "day",
) -> Json:
    """Energy from the meter's totals, in bars of a quarter of an hour to a month.

    Times are ms. Bars without a reading are left out. Energy of an outage that does not fit in one
    bar is in `gaps`. Days and months are those of the store's time zone.
    """
    from_ms, to_ms = _bars_span(start, end, by)
    medium = caller.meter(meter).medium
    if medium.name not in ("", "electricity"):
        raise Problem(422, f"this meter measures {medium.name}: ask for its consumption")
    bars, gaps = _energy(caller, meter, from_ms, to_ms, by)
    return Json(
        {
            "by": by,
            "zone": str(caller.store.zone),
            "bars": [_bar(b) for b in bars],
            "gaps": [
                {"start": g.start, "end": g.end, "drawn": g.drawn, "fed": g.fed} for g in gaps
            ],
        }
    )


@router.get(
    "/v1/meters/{meter}/consumption",
    tags=[openapi.HISTORY],
    response_model=schemas.Consumption,
    responses=refusals(401, 403, 404, 422),
)
def get_consumption(
    meter: MeterId,
    start: From,
    end: To,
    caller: Reads,
    by: Annotated[
        Literal["quarter", "hour", "day", "month"], Query(description="the length of a bar")
    ] = "day",
) -> Json:
    """What a meter counted: gas, water, heat or electricity, in bars and in the meter's unit.

    Times are ms. Bars without a reading are left out. A sub-meter's value says what flowed before
    it, so it counts for the bar of the reading before. What does not fit in one bar is in `gaps`.
    All bars that overlap from and to are complete. Days and months are those of the store's time
    zone.
    """
    from_ms, to_ms = _bars_span(start, end, by)
    medium = caller.meter(meter).medium
    zone = caller.store.zone
    first, last = consumption.whole(from_ms, to_ms, by, zone)
    if medium.name:
        around = consumption.AROUND_MS
        slices = caller.slices(meter, energy.TIER_OF[by], first - around, last + around)
        bars, gaps = consumption.bars(slices, by, zone, submeter_total.rate_max(medium))
    else:
        bars, gaps = consumption.of_energy(*_energy(caller, meter, first, last, by))
    return Json(
        {
            "by": by,
            "zone": str(zone),
            "medium": medium.name or "electricity",
            "property": PROPERTY_PREFIX + code if (code := submeter_total.code_of(medium)) else "",
            "unit": submeter_total.unit_of(medium),
            "bars": [vars(b) for b in bars if first <= b.start < last],
            "gaps": [vars(g) for g in gaps if g.end > first and g.start < last],
        }
    )


def _energy(
    caller: Caller, meter: str, start: int, end: int, by: str
) -> tuple[list[energy.Bar], list[energy.Gap]]:
    tier = energy.TIER_OF[by]
    slices = caller.slices(meter, tier, start, end)
    earlier = caller.slices(meter, tier, start - 3 * LENGTH_MS[tier], start)
    return energy.bars(slices, earlier[-1] if earlier else None, by, caller.store.zone)


def _bars_span(start: AwareDatetime, end: AwareDatetime, by: str) -> tuple[int, int]:
    """Both in ms, if they are at most SLICES_MAX bars apart."""
    from_ms, to_ms = _ms(start), _ms(end)
    most = min(SLICES_MAX * LENGTH_MS[by], SPAN_MAX_MS)
    if not 0 < to_ms - from_ms <= most:
        raise Problem(422, f"to must be after from, by at most {SLICES_MAX} bars and 40 years")
    return from_ms, to_ms


def _bar(b: energy.Bar) -> dict[str, Any]:
    power = None
    if b.powers:
        mean = round(b.power_sum / b.powers, 1)
        power = {"mean": mean, "low": b.power_low, "high": b.power_high}
    ranges = zip(_PHASES, b.volts[::2], b.volts[1::2], strict=True)
    return {
        "start": b.start,
        "end": b.end,
        "readings": b.n,
        "drawn": b.drawn,
        "fed": b.fed,
        "power": power,
        "voltages": {
            name: None if low is None else {"low": low, "high": high} for name, low, high in ranges
        },
    }


@router.get(
    "/v1/operationalProperties",
    tags=[openapi.HISTORY],
    response_model=list[schemas.Property],
    responses=refusals(),
)
def list_operational_properties() -> Response:
    """Every property a reading may have: its name, OBIS code, unit and description.

    Other codes are stored as well, but have no unit.
    """
    return Json(
        [
            {
                "name": p.name,
                "obis": p.code,
                "units": p.units,
                "description": p.english,
                "text": p.text,
            }
            for p in PROPERTIES
        ]
    )


def _span(start: AwareDatetime, end: AwareDatetime, width: int) -> tuple[int, int]:
    """Both in ms, if they are at most SLICES_MAX slices of width seconds apart."""
    from_ms, to_ms = _ms(start), _ms(end)
    if not 0 < to_ms - from_ms <= SLICES_MAX * width * 1000:
        raise Problem(422, f"to must be after from, by at most {SLICES_MAX} slices of width")
    return from_ms, to_ms


def _ms(moment: AwareDatetime) -> int:
    return int(moment.timestamp() * 1000)
