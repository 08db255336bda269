"""The answers of the API, for its OpenAPI document; serializers.py creates them."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Moment = Annotated[
    str,
    Field(
        description="RFC 3339",
        examples=["2026-11-22T21:10:05+01:00"],
        json_schema_extra={"format": "date-time"},
    ),
]
Ms = Annotated[
    int,
    Field(
        description="ms since 1970 UTC",
        examples=[1795378205000],
        json_schema_extra={"format": "int64"},
    ),
]
MeterId = Annotated[str, Field(examples=["0b8f1a52-8a8e-4ad1-b7b5-6c6b3a1b2c3d"])]
Used = Annotated[float | None, Field(description="in `unit`; null if there is no total")]
Medium = Literal["electricity", "gas", "water", "heat", "cooling"]
Wh = Annotated[float | None, Field(description="Wh; null if there is no total")]


class Schema(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Health(Schema):
    status: Literal["ok"]


class Reading(Schema):
    """values: by OBIS code, C.D.E."""

    time: Moment
    received: Moment
    clock: Literal["meter", "adapter", "import"] = Field(
        description="whose time it is; import: it comes from elsewhere, by smartmeter-cloud import"
    )
    clockWrong: bool = Field(description="a day ahead of its arrival, or 400 days behind it")
    seq: int
    auth: str = Field(examples=["verified"])
    values: dict[str, float] = Field(examples=[{"1.7.0": 133, "1.8.0": 1136784, "32.7.0": 229.4}])
    texts: dict[str, str] = Field(examples=[{"1.6.0": "2026-11-03T18:45:00+01:00"}])
    ratio: int = Field(
        description="of transformers: powers, energies and currents were multiplied by it"
    )


class Meter(Schema):
    model_config = ConfigDict(populate_by_name=True, extra="forbid")
    id: MeterId
    label: str
    meter_class: Literal["ELECTRICITY", "GAS", "WATER", "HEAT"] = Field(alias="class")
    medium: Medium
    units: dict[str, str] = Field(
        description="a sub-meter's units, by code; others are those of the operational properties",
        examples=[{"24.2.1": "m3"}],
    )
    concentrator: str
    silentAfter: int = Field(description="seconds from `heard` until it counts as silent")
    heard: Moment = Field(
        description="when its newest reading arrived, or that reading's own time if it came late"
    )
    newest: Reading


class Labelled(Schema):
    id: MeterId
    label: str


class FirstTotal(Schema):
    time: Moment
    value: float


class PowerSlice(Schema):
    start: Ms
    mean: float = Field(description="W")
    low: float = Field(description="W")
    high: float = Field(description="W")


class Power(Schema):
    model_config = ConfigDict(populate_by_name=True, extra="forbid")
    start: Moment = Field(alias="from")
    to: Moment
    width: int = Field(description="seconds of a slice")
    slices: list[PowerSlice]
    first: dict[str, FirstTotal] = Field(description="the first total of 1.8.0 and 2.8.0")


class PhaseVoltage(Schema):
    mean: float = Field(description="V")
    low: float = Field(description="V")
    high: float = Field(description="V")


class VoltageSlice(Schema):
    """A phase without a reading in this slice is null."""

    start: Ms
    l1: PhaseVoltage | None
    l2: PhaseVoltage | None
    l3: PhaseVoltage | None


class Voltage(Schema):
    model_config = ConfigDict(populate_by_name=True, extra="forbid")
    start: Moment = Field(alias="from")
    to: Moment
    width: int = Field(description="seconds of a slice")
    slices: list[VoltageSlice]


class BarPower(Schema):
    mean: float = Field(description="W")
    low: float = Field(description="W")
    high: float = Field(description="W")


class VoltageRange(Schema):
    low: float = Field(description="V")
    high: float = Field(description="V")


class BarVoltages(Schema):
    """A phase without a reading in this bar is null."""

    l1: VoltageRange | None
    l2: VoltageRange | None
    l3: VoltageRange | None


class Bar(Schema):
    start: Ms
    end: Ms
    readings: int
    drawn: Wh
    fed: Wh
    power: BarPower | None = Field(description="null if no reading has a power")
    voltages: BarVoltages


class EnergyGap(Schema):
    start: Ms
    end: Ms
    drawn: Wh
    fed: Wh


class Energy(Schema):
    by: Literal["quarter", "hour", "day", "month"]
    zone: str = Field(examples=["Europe/Vienna"])
    bars: list[Bar]
    gaps: list[EnergyGap]


class ConsumptionBar(Schema):
    start: Ms
    end: Ms
    readings: int
    used: Used


class ConsumptionGap(Schema):
    start: Ms
    end: Ms
    used: Used


class Consumption(Schema):
    by: Literal["quarter", "hour", "day", "month"]
    zone: str = Field(examples=["Europe/Vienna"])
    medium: Medium
    property: str = Field(description='"" if it sends no total', examples=["OBIS_24.2.1"])
    unit: str = Field(description="of every `used`", examples=["m3"])
    bars: list[ConsumptionBar]
    gaps: list[ConsumptionGap]


class Property(Schema):
    name: str = Field(examples=["OBIS_1.8.0"])
    obis: str = Field(examples=["1.8.0"])
    units: list[str] = Field(examples=[["Wh"]])
    description: str
    text: str | None = Field(description="what its text says, null if it never has one")


class PropertyValue(Schema):
    """A number with its unit, a text, or both."""

    propertyName: str = Field(examples=["OBIS_1.8.0"])
    numericalValue: float | None = None
    unit: str | None = Field(None, examples=["Wh"])
    textValue: str | None = None


class MeterReading(Schema):
    readingTime: Moment
    meterId: MeterId
    propertyValues: list[PropertyValue]
    faultCode: str | None = Field(None, description="CLOCK: its clock is wrong")
    ratio: int | None = Field(
        None, description="of transformers: powers, energies and currents were multiplied by it"
    )


class Page(Schema):
    pageNumber: int
    pageSize: int
    hasNext: bool


class MeterReadings(Schema):
    """Either page and content, or linkToBulk."""

    page: Page | None = None
    content: list[MeterReading] | None = None
    linkToBulk: str | None = None


class Deleted(Schema):
    deleted: int = Field(description="rows of every tier")


class Box(BaseModel):
    """state and reason are words of a closed list; further fields come from the part itself."""

    kind: Literal["meter", "adapter", "concentrator", "ingest", "store"]
    id: str
    state: Literal["ok", "warn", "down", "unknown"]
    reason: str = Field(examples=["reads"])
    since: Ms | None


class Chain(Schema):
    now: Ms
    boxes: list[Box]


class Session(Schema):
    name: str
    scopes: list[str]
    households: list[str] | None = Field(description="null: everybody's")


class Opened(Schema):
    expires: Moment


class Nothing(Schema):
    pass


class Key(Schema):
    id: str
    name: str
    scopes: list[str]
    household: str | None
    created: Moment
    expires: Moment | None


class GivenKey(Schema):
    id: str
    key: str = Field(examples=["smc_..."])
    expires: Moment | None


class Household(Schema):
    id: str
    meters: list[str]
    concentrators: list[str]


class Placed(Schema):
    id: str
    household: str


class PlacedConcentrator(Placed):
    elsewhere: list[str]


class AuditLine(Schema):
    time: Moment
    who: str
    what: str


class Sum(Schema):
    start: Ms
    hours: int = Field(description="how many of its hours are published")
    households: int = Field(description="20 or more; of a day, those of the hour with the fewest")
    drawn: int = Field(description="Wh")
    fed: int | None = Field(description="Wh; null if fewer than 20 other households exported")


class Issued(Schema):
    serial: str = Field(description="hex")
    issued: Moment
    expires: Moment
    revoked: Moment | None


class Invited(Schema):
    expires: Moment


class Concentrator(Schema):
    id: str
    household: str | None
    certificates: list[Issued]
    invitations: list[Invited]


class Invitation(Schema):
    line: str = Field(
        examples=["smartmeter-invite://cloud.example/home-1?broker=cloud.example%3A8883&token=..."],
        description="for smartmeter-gateway enroll",
    )
    token: str = Field(examples=["smt_..."], description="the line's token alone")
    expires: Moment


class Revoked(Schema):
    revoked: int = Field(description="how many certificates")


class PhysicalMeter(Schema):
    id: str = Field(examples=["at-netz-noe-kaifa"])
    kind: Literal["ELECTRICITY"] = Field(alias="class")
    meters: str = Field(examples=["Kaifa M110, MA309"])
    country: str = Field(description='ISO 3166; "" is any')
    operators: str
    port: str
    wiring: str
    line: str | None = Field(examples=["2400 8E1"])
    link: str
    keys: str
    interval: str
    zone: str = Field(
        description='the IANA name of its country\'s time zone, "" where it is of many'
    )
    answer: str
    note: str


class MeterIndividual(Schema):
    id: MeterId
    household: str
    label: str
    physicalMeter: str
    adapterConfig: str = Field(description="path of its adapter's settings")


class Mapping(Schema):
    source: str = Field(alias="from", examples=["1.8.0"])
    to: str = Field(examples=["OBIS_1.8.0"])


class SmartMeterAdapterConfig(Schema):
    MeterIndividualId: MeterId
    OperationalPropertyMapping: list[Mapping]
    CloudAuth: dict[str, Any]
    meter: dict[str, str] = Field({}, examples=[{"line": "2400 8E1"}])
