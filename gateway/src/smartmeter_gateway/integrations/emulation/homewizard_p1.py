"""The local API (v1) of a HomeWizard P1 meter, as far as devices that follow the grid need it.

Source: api-documentation.homewizard.com, API v1: device information, recent measurement, error
handling, discovery. A value that the meter does not send is left out, as there.
"""

import hashlib
import json
from typing import Any
from urllib.parse import urlsplit

from .device import UNAVAILABLE, Answer
from .grid_values import PHASES, Ask, NotFresh

PRODUCT, NAME = "HWE-P1", "P1 meter"
PATH = "/api/v1"
_FIRMWARE = "4.19"

# Field of the answer: OBIS code, the wire's unit divided by the field's.
_VALUES = {
    "active_tariff": ("96.14.0", 1),
    "total_power_import_kwh": ("1.8.0", 1000),
    "total_power_import_t1_kwh": ("1.8.1", 1000),
    "total_power_import_t2_kwh": ("1.8.2", 1000),
    "total_power_import_t3_kwh": ("1.8.3", 1000),
    "total_power_import_t4_kwh": ("1.8.4", 1000),
    "total_power_export_kwh": ("2.8.0", 1000),
    "total_power_export_t1_kwh": ("2.8.1", 1000),
    "total_power_export_t2_kwh": ("2.8.2", 1000),
    "total_power_export_t3_kwh": ("2.8.3", 1000),
    "total_power_export_t4_kwh": ("2.8.4", 1000),
    "active_frequency_hz": ("14.7.0", 1),
}
# The same of each phase: group C of the code as for all phases.
_PHASE_VALUES = {"active_voltage_l{}_v": 12, "active_current_l{}_a": 11}

Json = dict[str, Any]


class HomeWizardP1:
    """Answers requests about one meter. seed: what its serial number is made from."""

    def __init__(self, seed: str, ask: Ask) -> None:
        self._ask = ask
        self.serial = hashlib.sha256(f"homewizard {seed}".encode()).hexdigest()[:12]

    def http(self, method: str, target: str, body: bytes) -> Answer:
        """The answer to a request by HTTP; target: its path with the query."""
        status, document = self._answer(method, urlsplit(target).path.rstrip("/"))
        return Answer(status, json.dumps(document, separators=(",", ":")).encode())

    def udp(self, datagram: bytes) -> None:
        """This protocol has no datagrams."""

    def _answer(self, method: str, path: str) -> tuple[int, Json]:
        if path not in ("/api", f"{PATH}/data"):
            return 404, _error(404, "Not found")
        if method != "GET":
            return 405, _error(405, "Only GET is answered here")
        if path == "/api":
            return 200, self._device()
        try:
            return 200, self._data()
        except NotFresh as why:
            return UNAVAILABLE, _error(UNAVAILABLE, str(why))

    def _device(self) -> Json:
        return {
            "product_type": PRODUCT,
            "product_name": NAME,
            "serial": self.serial,
            "firmware_version": _FIRMWARE,
            "api_version": "v1",
        }

    def _data(self) -> Json:
        grid = self._ask()
        found: dict[str, float | None] = {"active_power_w": grid.power}
        for phase, power in zip(PHASES, grid.phase_powers, strict=True):
            found[f"active_power_l{phase}_w"] = power
            for field, group in _PHASE_VALUES.items():
                found[field.format(phase)] = grid.of_phase(phase, group)
        for field, (code, divisor) in _VALUES.items():
            value = grid.get(code)
            found[field] = None if value is None else round(value / divisor, 3)
        return {field: _number(value) for field, value in found.items() if value is not None}


def _number(value: float) -> float | int:
    return int(value) if value.is_integer() else value


def _error(id: int, text: str) -> Json:
    return {"error": {"id": id, "description": text}}
