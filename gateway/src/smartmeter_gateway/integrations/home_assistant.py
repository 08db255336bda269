"""Home Assistant: each meter is announced on the LAN broker, as one device with its sensors.

This is device-based discovery (Home Assistant 2024.11 and later): one retained message for each
meter. The sensors read the adapter's own `reading`. A value that a reading lacks gives an empty
state, which Home Assistant ignores. So a missing value never becomes 0.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

import smartmeter
from smartmeter.submeters import main_of
from smartmeter.wire import topics

_NAME = re.compile(
    r"[^A-Za-z0-9_-]"
)  # characters that a discovery topic's object id may not contain

# C.D.E: name, unit, device_class, state_class. Those that the wire carries by default, and
# what installations name beside them. Reactive energy has no device class: Home Assistant 2025.4
# and before know none, and take no sensor that names one.
_POWER = ("W", "power", "measurement")
_ENERGY = ("Wh", "energy", "total_increasing")
_REACTIVE = ("varh", None, "total_increasing")
_APPARENT = ("VA", "apparent_power", "measurement")
_VOLTAGE = ("V", "voltage", "measurement")
_CURRENT = ("A", "current", "measurement")
_SENSORS: dict[str, tuple[str, tuple[str, str | None, str]]] = {
    "1.7.0": ("Power from grid", _POWER),
    "2.7.0": ("Power to grid", _POWER),
    "16.7.0": ("Power", _POWER),
    "1.8.0": ("Energy from grid", _ENERGY),
    "2.8.0": ("Energy to grid", _ENERGY),
    "1.8.1": ("Energy from grid, tariff 1", _ENERGY),
    "1.8.2": ("Energy from grid, tariff 2", _ENERGY),
    "1.8.3": ("Energy from grid, tariff 3", _ENERGY),
    "1.8.4": ("Energy from grid, tariff 4", _ENERGY),
    "2.8.1": ("Energy to grid, tariff 1", _ENERGY),
    "2.8.2": ("Energy to grid, tariff 2", _ENERGY),
    "2.8.3": ("Energy to grid, tariff 3", _ENERGY),
    "2.8.4": ("Energy to grid, tariff 4", _ENERGY),
    "1.4.0": ("Average power of the quarter hour", _POWER),
    "1.6.0": ("Peak power of the month", _POWER),
    "3.8.0": ("Reactive energy +", _REACTIVE),
    "4.8.0": ("Reactive energy -", _REACTIVE),
    "9.7.0": ("Apparent power from grid", _APPARENT),
    "10.7.0": ("Apparent power to grid", _APPARENT),
    "31.7.0": ("Current L1", _CURRENT),
    "51.7.0": ("Current L2", _CURRENT),
    "71.7.0": ("Current L3", _CURRENT),
    "32.7.0": ("Voltage L1", _VOLTAGE),
    "52.7.0": ("Voltage L2", _VOLTAGE),
    "72.7.0": ("Voltage L3", _VOLTAGE),
    "14.7.0": ("Frequency", ("Hz", "frequency", "measurement")),
}


# By a sub-meter's medium and its unit on the wire: name, unit, device class, the number by which
# Home Assistant's is smaller.
_SUBMETERS: dict[tuple[str, str], tuple[str, str, str, int]] = {
    ("gas", "m3"): ("Gas", "m³", "gas", 1),
    ("water", "m3"): ("Water", "m³", "water", 1),
    ("heat", "J"): ("Heat", "MJ", "energy", 10**6),
    ("heat", "Wh"): ("Heat", "Wh", "energy", 1),
    ("heat", "m3"): ("Heating water", "m³", "water", 1),
    ("cooling", "J"): ("Cooling", "MJ", "energy", 10**6),
    ("cooling", "Wh"): ("Cooling", "Wh", "energy", 1),
    ("cooling", "m3"): ("Cooling water", "m³", "water", 1),
    ("electricity", "Wh"): ("Energy", "Wh", "energy", 1),
}


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
    meter: str, codes: Mapping[str, str], expire_after: int, medium: str | None = None
) -> dict[str, Any]:
    """The discovery message of a meter with these codes (and units); others get no sensor.

    medium: a sub-meter's, or None. A sub-meter is available if its main meter's adapter is.
    """
    unique = f"smartmeter_{object_id(meter)}"
    status_of = (medium and main_of(meter)) or meter
    if medium:
        components = {
            code.replace(".", "_"): _submeter(unique, code, *_SUBMETERS[medium, unit])
            for code, unit in sorted(codes.items())
            if (medium, unit) in _SUBMETERS
        }
    else:
        components = {
            code.replace(".", "_"): _component(unique, code, expire_after)
            for code in sorted(codes)
            if code in _SENSORS
        }
    return {
        "device": {
            "identifiers": [unique],
            "name": f"Smart meter {meter}",
            "model": "Smart meter",
        },
        "origin": {"name": "smartmeter-gateway", "sw_version": smartmeter.__version__},
        "state_topic": topics.meter(meter, topics.READING),
        "availability": [
            {
                "topic": topics.meter(status_of, topics.STATUS),
                "value_template": "{{ value_json.state }}",
                "payload_available": "online",
                "payload_not_available": "offline",
            }
        ],
        "qos": 1,
        "components": components,
    }


def _component(unique: str, code: str, expire_after: int) -> dict[str, Any]:
    name, (unit, device_class, state_class) = _SENSORS[code]
    made: dict[str, Any] = {
        "platform": "sensor",
        "unique_id": f"{unique}_{code.replace('.', '_')}",
        "name": name,
        "unit_of_measurement": unit,
        "state_class": state_class,
        "expire_after": expire_after,
        "value_template": f"{{{{ value_json['values']['{code}'] | default('') }}}}",
    }
    if device_class:
        made["device_class"] = device_class
    return made


def _submeter(
    unique: str, code: str, name: str, unit: str, device_class: str, divisor: int
) -> dict[str, Any]:
    """A sensor that never expires, because a sub-meter's reading comes when it changes."""
    number = f"value_json['values']['{code}']"
    if divisor != 1:
        number = f"{number} / {divisor}"
    return {
        "platform": "sensor",
        "unique_id": f"{unique}_{code.replace('.', '_')}",
        "name": name,
        "unit_of_measurement": unit,
        "device_class": device_class,
        "state_class": "total_increasing",
        "value_template": f"{{{{ {number} if '{code}' in value_json['values'] else '' }}}}",
    }


def payload(
    meter: str, codes: Mapping[str, str], expire_after: int, medium: str | None = None
) -> bytes:
    """message() in its published form."""
    made = message(meter, codes, expire_after, medium)
    return json.dumps(made, separators=(",", ":")).encode()
