"""Meters before their first reading: choose a make and model, and get the adapter's settings."""

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from smartmeter_cloud.api import openapi, schemas
from smartmeter_cloud.api.access import Provisions, Reads
from smartmeter_cloud.api.fields import Id
from smartmeter_cloud.api.meters import MeterId
from smartmeter_cloud.api.openapi import refusals
from smartmeter_cloud.api.problems import Problem
from smartmeter_cloud.api.serializers import Json
from smartmeter_cloud.provisioning.adapter_config import adapter_config, is_family, physical_meters

router = APIRouter(tags=[openapi.ADAPTERS])


@router.get(
    "/v1/physicalMeters",
    response_model=list[schemas.PhysicalMeter],
    responses=refusals(401, 403),
)
def list_physical_meters(caller: Reads) -> Json:
    """The makes and models of meters that adapters can read.

    Each has what an adapter must know: its wiring, line and time zone.
    """
    return Json(physical_meters())


class NewMeter(BaseModel):
    """household is optional for a caller that has only one."""

    model_config = ConfigDict(extra="forbid")
    physicalMeter: str = Field(
        "",
        description='An id of /v1/physicalMeters; "" is any.',
        json_schema_extra={"enum": ["", *(m["id"] for m in physical_meters())]},
    )
    label: str = Field("", max_length=80, examples=["Cellar"])
    household: Id | None = None


@router.post(
    "/v1/meters",
    response_model=schemas.MeterIndividual,
    status_code=201,
    responses=refusals(401, 403, 409, 422),
)
def create_meter(body: NewMeter, caller: Provisions) -> Json:
    """Creates a meter, with the id for its adapter.

    It belongs to its household from now on, whichever Concentrator sends its first reading.
    """
    if body.physicalMeter and not is_family(body.physicalMeter):
        raise Problem(422, "physicalMeter: unknown id; see /v1/physicalMeters")
    label = body.label.strip().replace("\0", "")
    made = caller.add_meter(body.household, label, body.physicalMeter)
    return Json(
        {
            "id": made.name,
            "household": made.household,
            "label": made.label,
            "physicalMeter": made.family,
            "adapterConfig": f"v1/meters/{made.name}/adapterConfig",
        },
        status_code=201,
    )


@router.get(
    "/v1/meters/{meter}/adapterConfig",
    response_model=schemas.SmartMeterAdapterConfig,
    responses=refusals(401, 403, 404, 422),
)
def get_adapter_config(meter: MeterId, caller: Provisions) -> Json:
    """The specification's SmartMeterAdapterConfig, for `python -m tools.provision --config FILE`.

    It contains no secret. `meter.line` is present if the meter has a known make and model.
    """
    name = f'attachment; filename="adapter-{meter}.json"'
    return Json(
        adapter_config(meter, caller.meter(meter).family), headers={"Content-Disposition": name}
    )
