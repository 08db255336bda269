"""Home Assistant: each meter is announced on the LAN broker, as one device with its sensors.

This is device-based discovery (Home Assistant 2024.11 and later): one retained message for each
meter. The sensors read the meter's state topic. A value that has ceased is null there, which
Home Assistant shows as unknown.
"""

import hashlib
import json
import re
from collections.abc import Iterable
from typing import Any

import smartmeter
from smartmeter.wire import topics

from ..monitoring.quantities import Quantity

_NAME = re.compile(
    r"[^A-Za-z0-9_-]"
)  # characters that a discovery topic's object id may not contain

# By a quantity's unit: Home Assistant's device class, and how many decimals it shows. Reactive
# energy has no device class: Home Assistant 2025.4 and before know none, and take no sensor that
# names one.
_BY_UNIT: dict[str, tuple[str | None, int]] = {
    "W": ("power", 0),
    "kWh": ("energy", 2),
    "var": ("reactive_power", 0),
    "kvarh": (None, 2),
    "VA": ("apparent_power", 0),
    "kVAh": (None, 2),
    "V": ("voltage", 1),
    "A": ("current", 2),
    "Hz": ("frequency", 2),
    "m³": ("water", 3),
    "MJ": ("energy", 0),
    "m³/h": ("volume_flow_rate", 3),
    "°C": ("temperature", 1),
    "K": (None, 1),  # a difference: as a temperature, 25 K would be shown as -248 °C
}
_GAS = "gas"


def object_id(meter: str) -> str:
    """A meter's id in the form of a discovery topic; different ids stay different."""
    plain = _NAME.sub("_", meter)
    if plain == meter:
        return meter
    return f"{plain}_{hashlib.sha256(meter.encode()).hexdigest()[:6]}"


def topic(prefix: str, meter: str) -> str:
    """The topic of a meter's discovery message."""
    return f"{prefix}/device/smartmeter_{object_id(meter)}/config"


def message(
    concentrator: str, meter: str, quantities: Iterable[Quantity], medium: str | None = None
) -> dict[str, Any]:
    """The discovery message of a meter with these values; those in no table get no sensor.

    medium: what a sub-meter or a meter of heat, water or gas measures, else None.
    """
    unique = f"smartmeter_{object_id(meter)}"
    return {
        "device": {
            "identifiers": [unique],
            "name": f"Smart meter {meter}",
            "model": "Smart meter",
        },
        "origin": {"name": "smartmeter-gateway", "sw_version": smartmeter.__version__},
        "state_topic": topics.uplink(concentrator, meter, topics.STATE),
        "availability_mode": "all",
        "availability": [
            _online(topics.uplink(concentrator, meter, topics.STATE)),
            _online(topics.concentrator_status(concentrator)),
        ],
        "components": {
            _key(q.code): _component(unique, q, medium)
            for q in quantities
            if not q.field.startswith("obis_")
        },
    }


def _key(code: str) -> str:
    """A code as part of an id: 8_0_2_0_0 for 8-0:2.0.0."""
    return re.sub("[.:-]", "_", code)


def _online(topic: str) -> dict[str, str]:
    return {
        "topic": topic,
        "value_template": "{{ 'online' if value_json.state == 'online' else 'offline' }}",
        "payload_available": "online",
        "payload_not_available": "offline",
    }


def _component(unique: str, quantity: Quantity, medium: str | None) -> dict[str, Any]:
    made: dict[str, Any] = {
        "platform": "sensor",
        "unique_id": f"{unique}_{_key(quantity.code)}",
        "name": quantity.title,
        "qos": 1,
        "state_class": "total_increasing" if quantity.total else "measurement",
        "value_template": f"{{{{ value_json.{quantity.field} }}}}",
    }
    device_class, decimals = _BY_UNIT.get(quantity.unit, (None, 0))
    if quantity.unit == "m³" and medium == _GAS:
        device_class = _GAS
    if device_class:
        made["device_class"] = device_class
    if quantity.unit:
        made["unit_of_measurement"] = quantity.unit
        made["suggested_display_precision"] = decimals
    return made


def payload(
    concentrator: str, meter: str, quantities: Iterable[Quantity], medium: str | None = None
) -> bytes:
    """message() in its published form."""
    made = message(concentrator, meter, quantities, medium)
    return json.dumps(made, separators=(",", ":")).encode()
