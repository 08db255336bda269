"""Home Assistant: each meter is announced on the LAN broker, as one device with its sensors.

There are two forms. With device-based discovery (Home Assistant 2024.11 and later) one retained
message announces a device. The older form has one for each sensor; openHAB, Domoticz and ioBroker
know that one. The sensors read the meter's state topic. A value that has ceased is null there,
which Home Assistant shows as unknown.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import smartmeter
from smartmeter.submeters import main_of
from smartmeter.wire import topics

from ..monitoring.quantities import Quantity
from ..monitoring.states import Facts

_NAME = re.compile(
    r"[^A-Za-z0-9_-]"
)  # characters that a discovery topic's object id may not contain
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)

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
_STATE_MAX = 255  # characters of a state in Home Assistant
_DIAGNOSTIC = {"platform": "sensor", "qos": 1, "entity_category": "diagnostic"}

Components = dict[str, dict[str, Any]]  # key within the device -> its part of the message


class House(NamedTuple):
    """What the messages of one Concentrator have in common.

    name: its own; names: meter -> its name in the settings; page: the address of the local page,
    if other machines reach it; cloud: the name of the link to the Cloud, if there is one; single:
    the older form.
    """

    prefix: str
    concentrator: str
    name: str | None = None
    names: Mapping[str, str] = MappingProxyType({})
    page: str | None = None
    cloud: str | None = None
    single: bool = False


def object_id(meter: str) -> str:
    """A meter's id in the form of a discovery topic; different ids stay different."""
    plain = _NAME.sub("_", meter)
    if plain == meter:
        return meter
    return f"{plain}_{hashlib.sha256(meter.encode()).hexdigest()[:6]}"


def of_meter(house: House, meter: str, facts: Facts) -> dict[str, bytes]:
    """The discovery messages of a meter, by topic. Values in no table get no sensor."""
    unique = f"smartmeter_{object_id(meter)}"
    state = topics.uplink(house.concentrator, meter, topics.STATE)
    device = {
        "identifiers": [unique],
        "name": _name(house, meter, facts.medium),
        "model": f"{(facts.medium or 'smart').capitalize()} meter",
        "sw_version": facts.version,
        "via_device": _unique(house),
        "configuration_url": house.page,
    }
    components = {_key(q): _value(q, facts.medium) for q in facts.quantities if _is_named(q)}
    components |= _diagnostics(house, facts)
    shared = {
        "state_topic": state,
        "availability_mode": "all",
        "availability": [_online(state), _online(topics.concentrator_status(house.concentrator))],
    }
    return _messages(house, unique, device, shared, components)


def of_concentrator(house: House) -> dict[str, bytes]:
    """The discovery messages of the Concentrator itself."""
    status = topics.concentrator_status(house.concentrator)
    device = {
        "identifiers": [_unique(house)],
        "name": house.name or f"Concentrator {house.concentrator}",
        "model": "Concentrator",
        "sw_version": smartmeter.__version__,
        "configuration_url": house.page,
    }
    components = {
        "waiting": _DIAGNOSTIC
        | {
            "name": "Messages waiting",
            "state_class": "measurement",
            "value_template": _template("value_json.spool.rows", "value_json.spool"),
        },
        "alarms": _DIAGNOSTIC
        | {
            "name": "Alarms",
            "value_template": _template(
                f"(value_json.alarms | join('; ') or 'none')[:{_STATE_MAX}]", "value_json.alarms"
            ),
        },
    }
    if house.cloud:
        link = f"value_json.links['{house.cloud}']"
        components["delivery"] = _DIAGNOSTIC | {
            "name": "Delivery to the Cloud",
            "value_template": _template(
                f"'connected' if {link}.up else {link}.reason[:{_STATE_MAX}]",
                "value_json.links",
                link,
            ),
        }
    shared = {"state_topic": status, "availability": [_online(status)]}
    return _messages(house, _unique(house), device, shared, components)


def _messages(
    house: House,
    unique: str,
    device: dict[str, Any],
    shared: dict[str, Any],
    components: Components,
) -> dict[str, bytes]:
    device = {key: value for key, value in device.items() if value is not None}
    origin = {"name": "smartmeter-gateway", "sw_version": smartmeter.__version__}
    for key, component in components.items():
        component["unique_id"] = f"{unique}_{key}"
    head = {"device": device, "origin": origin, **shared}
    whole = f"{house.prefix}/device/{unique}/config"
    single = {f"{house.prefix}/sensor/{unique}/{key}/config": c for key, c in components.items()}
    if not house.single:
        return {whole: _json(head | {"components": components})}
    return {
        topic: _json(head | {k: v for k, v in component.items() if k != "platform"})
        for topic, component in single.items()
    }


def _json(message: dict[str, Any]) -> bytes:
    return json.dumps(message, separators=(",", ":"), ensure_ascii=False).encode()


def _unique(house: House) -> str:
    return f"smartmeter_concentrator_{object_id(house.concentrator)}"


def _name(house: House, meter: str, medium: str | None) -> str:
    """A device's name: from the settings, or from the id. A UUID is cut, as nobody reads it."""
    if meter in house.names:
        return house.names[meter]
    if medium and main_of(meter):
        return f"{_name(house, main_of(meter), None)} {medium}"
    return f"Smart meter {meter[:8] if _UUID.fullmatch(meter) else meter}"


def _is_named(quantity: Quantity) -> bool:
    return not quantity.field.startswith("obis_")


def _key(quantity: Quantity) -> str:
    return re.sub(r"\W", "_", quantity.code)


def _template(value: str, *needed: str) -> str:
    """A Jinja template of a value; None, so unknown, while something that it needs is missing."""
    condition = " and ".join(f"{name} is defined" for name in needed)
    return f"{{{{ ({value}) if {condition} else None }}}}"


def _online(topic: str) -> dict[str, str]:
    return {
        "topic": topic,
        "value_template": "{{ 'online' if value_json.state == 'online' else 'offline' }}",
        "payload_available": "online",
        "payload_not_available": "offline",
    }


def _value(quantity: Quantity, medium: str | None) -> dict[str, Any]:
    made: dict[str, Any] = {
        "platform": "sensor",
        "name": quantity.title,
        "qos": 1,
        "value_template": f"{{{{ value_json.{quantity.field} | default(None) }}}}",
    }
    if quantity.field != "tariff":
        made["state_class"] = "total_increasing" if quantity.total else "measurement"
    device_class, decimals = _BY_UNIT.get(quantity.unit, (None, 0))
    if quantity.unit == "m³" and medium == "gas":
        device_class = "gas"
    if quantity.field.startswith("power_factor"):
        device_class = "power_factor"
    if device_class:
        made["device_class"] = device_class
    if quantity.unit:
        made["unit_of_measurement"] = quantity.unit
        made["suggested_display_precision"] = decimals
    return made


def _diagnostics(house: House, facts: Facts) -> Components:
    """What is of use just while a meter is silent, so it is there as the Concentrator is."""
    always = {"availability": [_online(topics.concentrator_status(house.concentrator))]}
    found: Components = {
        "last_reading": _DIAGNOSTIC
        | always
        | {
            "name": "Last reading",
            "device_class": "timestamp",
            "value_template": "{{ value_json.time }}",
        },
        "silence": _DIAGNOSTIC
        | always
        | {
            "name": "Reason of silence",
            "value_template": f"{{{{ (value_json.reason or 'none')[:{_STATE_MAX}] }}}}",
        },
    }
    if facts.has_signal:
        found["signal"] = _DIAGNOSTIC | {
            "name": "Signal",
            "device_class": "signal_strength",
            "state_class": "measurement",
            "unit_of_measurement": "dBm",
            "value_template": "{{ value_json.signal_dbm | default(None) }}",
        }
    return found
