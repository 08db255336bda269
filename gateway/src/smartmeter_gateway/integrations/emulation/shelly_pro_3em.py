"""The RPC of a Shelly Pro 3EM, as far as devices that follow the grid need it.

Sources: shelly-api-docs.shelly.cloud, gen2: General/RPCProtocol (frames), General/RPCChannels (HTTP
and UDP), General/CommonErrors, ComponentsAndServices/EM, EMData and Shelly
(GetDeviceInfo, ListMethods).
"""

import hashlib
import json
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from .device import UNAVAILABLE, Answer
from .grid_values import PHASES, Ask, GridValues, NotFresh

# CommonErrors. 404 is what a device answers to a method that it does not have.
_INVALID_ARGUMENT, _NOT_FOUND, _UNAVAILABLE, _NO_HANDLER = -103, -105, -114, 404
_STATUS = {0: 200, _NO_HANDLER: 404, _UNAVAILABLE: UNAVAILABLE}
_OTHER_STATUS = 500

# As a device with a current firmware reports them.
_MODEL, _VERSION, _FIRMWARE = "SPEM-003CEBEU", "1.4.4", "20241011-114455/1.4.4-g6d2a586"
APP = "Pro3EM"

Json = dict[str, Any]


class _RpcError(Exception):
    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code

    @property
    def document(self) -> Json:
        return {"code": self.code, "message": str(self)}


class ShellyPro3Em:
    """Answers requests about one meter. seed: what its serial number is made from."""

    def __init__(self, seed: str, ask: Ask) -> None:
        self._ask = ask
        digest = bytearray(hashlib.sha256(f"shelly {seed}".encode()).digest()[:6])
        digest[0] = digest[0] & 0xFC | 2  # no maker's (IEEE 802: locally administered, unicast)
        self.mac = digest.hex().upper()
        self.id = f"shellypro3em-{self.mac.lower()}"
        self._methods = {
            "Shelly.GetDeviceInfo": self._device_info,
            "Shelly.ListMethods": self._list_methods,
            "EM.GetStatus": self._em_status,
            "EMData.GetStatus": self._em_data_status,
        }

    @property
    def version(self) -> str:
        return _VERSION

    def http(self, method: str, target: str, body: bytes) -> Answer:
        """The answer to a request by HTTP; target: its path with the query."""
        path, query = urlsplit(target).path, dict(parse_qsl(urlsplit(target).query))
        if path == "/rpc" and method == "POST":
            frame, code = self._frame(body)
            return _answer(code, frame)
        try:
            if path == "/shelly":
                return _answer(0, self._device_info({}))
            if not path.startswith("/rpc/"):
                raise _RpcError(_NO_HANDLER, "Not found")
            params = _object(body) if method == "POST" and body else _query(query)
            return _answer(0, self._call(path.removeprefix("/rpc/"), params))
        except _RpcError as why:
            return _answer(why.code, why.document)

    def udp(self, datagram: bytes) -> Answer | None:
        """The answer to a datagram; None to anything else."""
        frame, code = self._frame(datagram)
        return _answer(code, frame) if "id" in frame else None

    def _frame(self, payload: bytes) -> tuple[Json, int]:
        """The response frame to a request frame, and the error's code or 0."""
        try:
            request = _object(payload)
        except _RpcError as why:
            return {"src": self.id, "error": why.document}, why.code
        frame: Json = {"id": request.get("id"), "src": self.id}
        if not isinstance(frame["id"], int | str):
            error = _RpcError(_INVALID_ARGUMENT, "Missing required 'id'")
            return {"src": self.id, "error": error.document}, error.code
        if isinstance(request.get("src"), str):
            frame["dst"] = request["src"]
        params = request.get("params")
        try:
            frame["result"] = self._call(
                str(request.get("method")), params if isinstance(params, dict) else {}
            )
        except _RpcError as why:
            return {**frame, "error": why.document}, why.code
        return frame, 0

    def _call(self, method: str, params: Json) -> Json:
        handler = self._methods.get(method)
        if handler is None:
            raise _RpcError(_NO_HANDLER, f"No handler for {method[:40]}")
        return handler(params)

    def _device_info(self, params: Json) -> Json:
        return {
            "name": None,
            "id": self.id,
            "mac": self.mac,
            "slot": 0,
            "model": _MODEL,
            "gen": 2,
            "fw_id": _FIRMWARE,
            "ver": _VERSION,
            "app": APP,
            "auth_en": False,
            "auth_domain": None,
            "profile": "triphase",
        }

    def _list_methods(self, params: Json) -> Json:
        return {"methods": sorted(self._methods)}

    def _em_status(self, params: Json) -> Json:
        """Signs are the meter's: positive is import. What the meter does not send is null."""
        _require_id(params)
        grid = self._grid()
        found: Json = {"id": 0}
        currents = [_rounded(grid.of_phase(phase, 11), 3) for phase in PHASES]
        for phase, power, current in zip(PHASES, grid.phase_powers, currents, strict=True):
            found |= {
                f"{_letter(phase)}_current": current,
                f"{_letter(phase)}_voltage": _rounded(grid.of_phase(phase, 12), 1),
                f"{_letter(phase)}_act_power": round(power, 1),
                f"{_letter(phase)}_aprt_power": _rounded(grid.of_phase(phase, 9), 1),
                f"{_letter(phase)}_pf": _rounded(grid.of_phase(phase, 13), 2),
                f"{_letter(phase)}_freq": _rounded(grid.get("14.7.0"), 1),
            }
        known = [current for current in currents if current is not None]
        return found | {
            "n_current": _rounded(grid.get("91.7.0"), 3),
            "total_current": round(sum(known), 3) if len(known) == len(PHASES) else None,
            "total_act_power": round(grid.power, 3),
            "total_aprt_power": _rounded(grid.get("9.7.0"), 3),
            "user_calibrated_phase": [],
            "errors": [],
        }

    def _em_data_status(self, params: Json) -> Json:
        _require_id(params)
        grid = self._grid()
        imported, exported = grid.get("1.8.0"), grid.get("2.8.0")
        if imported is None:
            raise _RpcError(_UNAVAILABLE, "the meter has not sent its total yet")
        exported = exported or 0.0  # a meter that only counts import does not send it
        found: Json = {"id": 0}
        by_phase = [
            (grid.of_phase(phase, 1, 8), grid.of_phase(phase, 2, 8) or 0.0) for phase in PHASES
        ]
        if any(total is None for total, _ in by_phase):
            by_phase = [(imported, exported), (0.0, 0.0), (0.0, 0.0)]
        for phase, (total, returned) in zip(PHASES, by_phase, strict=True):
            found[f"{_letter(phase)}_total_act_energy"] = _rounded(total, 2)
            found[f"{_letter(phase)}_total_act_ret_energy"] = round(returned, 2)
        return found | {"total_act": round(imported, 2), "total_act_ret": round(exported, 2)}

    def _grid(self) -> GridValues:
        try:
            return self._ask()
        except NotFresh as why:
            raise _RpcError(_UNAVAILABLE, str(why)) from None


def _letter(phase: int) -> str:
    return "abc"[phase - 1]


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)


def _require_id(params: Json) -> None:
    if "id" not in params:
        raise _RpcError(_INVALID_ARGUMENT, "Missing required 'id'")
    if params["id"] != 0 or isinstance(params["id"], bool):
        raise _RpcError(_NOT_FOUND, f"Bad id={str(params['id'])[:20]}")


def _query(query: dict[str, str]) -> Json:
    return {key: int(value) if value.isdecimal() else value for key, value in query.items()}


def _object(payload: bytes) -> Json:
    try:
        found = json.loads(payload)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise _RpcError(_INVALID_ARGUMENT, "The request is not a JSON object")
    return found


def _answer(code: int, document: Json) -> Answer:
    """code: of an error, or 0."""
    body = json.dumps(document, separators=(",", ":")).encode()
    return Answer(_STATUS.get(code, _OTHER_STATUS), body)
