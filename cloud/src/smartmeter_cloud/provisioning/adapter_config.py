"""The specification's SmartMeterAdapterConfig, and the supported makes and models.

A physical meter is a family of the core's table: makes and models that are wired and read alike.
"""

from typing import Any

from smartmeter import ALLOWED
from smartmeter.meters.families import FAMILIES, LISTEN, WIRING, Family

_BY_ID = {family.id: family for family in FAMILIES}


def is_family(name: str) -> bool:
    return name in _BY_ID


def physical_meters() -> list[dict[str, Any]]:
    """Every family: its makers, its countries, its wiring, and its values."""
    return [
        {
            "id": f.id,
            "class": "ELECTRICITY",
            "meters": f.meters,
            "country": f.country,
            "operators": f.operators,
            "port": f.port,
            "wiring": WIRING[f.port],
            "line": _line(f),
            "link": f.link,
            "keys": f.keys,
            "interval": f.interval,
            "zone": f.zone,
            "answer": f.answer,
            "note": f.note,
        }
        for f in FAMILIES
    ]


def adapter_config(meter: str, family_id: str) -> dict[str, Any]:
    """The input of tools.provision --config; that tool asks for the secrets.

    meter: the meter's id; family_id: "" if nobody chose a make and model.
    Readings travel under their OBIS codes, so each code maps to the property with its name.
    CloudAuth is empty: an adapter logs in to its Concentrator, never to the Cloud.
    """
    config: dict[str, Any] = {
        "MeterIndividualId": meter,
        "OperationalPropertyMapping": [{"from": c, "to": f"OBIS_{c}"} for c in ALLOWED],
        "CloudAuth": {},
    }
    family = _BY_ID.get(family_id)
    # The adapter's own search detects a meter that needs an answer, and knows how to give it.
    meter_settings = {}
    if family is not None and family.answer == LISTEN and (line := _line(family)):
        meter_settings["line"] = line
    if family is not None and family.zone:
        meter_settings["zone"] = family.zone
    if meter_settings:
        config["meter"] = meter_settings
    return config


def _line(family: Family) -> str | None:
    """Such as "2400 8E1" or "115200 8N1 inverted"; None if no document says it."""
    if family.line is None:
        return None
    baud, bits, parity, stop, inverted = family.line
    return f"{baud} {bits}{parity}{stop}{' inverted' if inverted else ''}"
