"""A stand-in for Home Assistant's WebSocket API that takes only the documented messages.

Shapes: homeassistant/components/recorder/websocket_api.py and websocket_api/auth.py of 2026.11.
Imported hours appear a moment after the answer, as from the recorder's queue.
"""

import json
import threading
from datetime import datetime
from typing import Any, Literal

import msgspec
from websockets.sync.server import Server, ServerConnection, serve

TOKEN = "long-lived-token"


class _Message(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    id: int


class _GetMetadata(_Message, tag_field="type", tag="recorder/get_statistics_metadata"):
    statistic_ids: list[str]


class _During(_Message, tag_field="type", tag="recorder/statistics_during_period"):
    start_time: str
    end_time: str
    statistic_ids: list[str]
    period: Literal["5minute", "hour", "day", "week", "month", "year"]
    units: dict[Literal["energy"], Literal["Wh", "kWh", "MWh"]]
    types: list[Literal["change", "last_reset", "max", "mean", "min", "state", "sum"]]


class _Metadata(msgspec.Struct, forbid_unknown_fields=True):
    has_sum: bool
    name: str | None
    source: Literal["recorder"]
    statistic_id: str
    unit_of_measurement: str | None
    has_mean: bool | None = None
    mean_type: int | None = None
    unit_class: str | None = None


class _Hour(msgspec.Struct, forbid_unknown_fields=True):
    start: datetime
    state: float
    sum: float


class _Import(_Message, tag_field="type", tag="recorder/import_statistics"):
    metadata: _Metadata
    stats: list[_Hour]


_decode = msgspec.json.Decoder(_GetMetadata | _During | _Import).decode


class StandIn:
    """rows: by statistic, (state, sum) of each hour's start in ms. modern: it knows mean_type."""

    def __init__(self, unit: str = "kWh", modern: bool = True) -> None:
        self.unit = unit
        self.modern = modern
        self.rows: dict[str, dict[int, tuple[float, float]]] = {}
        self.wrong: list[str] = []  # what is not as documented
        self._server: Server = serve(self._talk, "127.0.0.1", 0)
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.socket.getsockname()[1]}"

    def stop(self) -> None:
        self._server.shutdown()
        self._thread.join()

    def _talk(self, socket: ServerConnection) -> None:
        assert socket.request is not None
        if socket.request.path != "/api/websocket":
            self.wrong.append(socket.request.path)
        socket.send(json.dumps({"type": "auth_required", "ha_version": "2026.11.0"}))
        login = json.loads(socket.recv())
        if login != {"type": "auth", "access_token": TOKEN}:
            message = {"type": "auth_invalid", "message": "Invalid access token or password"}
            socket.send(json.dumps(message))
            return
        socket.send(json.dumps({"type": "auth_ok", "ha_version": "2026.11.0"}))
        waiting: list[_Import] = []
        last = 0
        for text in socket:
            try:
                message = _decode(text)
            except msgspec.MsgspecError as e:
                self.wrong.append(f"{e}: {text!r}")
                return
            if message.id <= last:
                self.wrong.append("ids must grow")
            last = message.id
            result: Any = None
            if isinstance(message, _GetMetadata):
                result = [self._metadata(n) for n in message.statistic_ids if n in self.rows]
            elif isinstance(message, _During):
                result = {n: self._during(n, message) for n in message.statistic_ids}
                for one in waiting:
                    self._write(one)
                waiting.clear()
            else:
                self._check(message)
                waiting.append(message)
            answer = {"id": message.id, "type": "result", "success": True, "result": result}
            socket.send(json.dumps({"id": 99, "type": "event", "event": {}}))
            socket.send(json.dumps(answer))

    def _metadata(self, name: str) -> dict[str, Any]:
        newer = {"mean_type": 0, "unit_class": "energy"} if self.modern else {}
        return {
            "statistic_id": name,
            "display_unit_of_measurement": "kWh",
            "has_mean": False,
            "has_sum": name != "sensor.mean",
            "name": None,
            "source": "recorder",
            "statistics_unit_of_measurement": self.unit,
        } | newer

    def _during(self, name: str, asked: _During) -> list[dict[str, Any]]:
        start, end = (
            datetime.fromisoformat(text).timestamp() * 1000
            for text in (asked.start_time, asked.end_time)
        )
        return [
            {"start": at, "end": at + 3_600_000, "state": state, "sum": total}
            for at, (state, total) in sorted(self.rows.get(name, {}).items())
            if start <= at < end
        ]

    def _check(self, message: _Import) -> None:
        metadata = message.metadata
        newer = (metadata.mean_type, metadata.unit_class)
        if newer != ((0, "energy") if self.modern else (None, None)):
            self.wrong.append(f"mean_type and unit_class: {newer}")
        if metadata.unit_of_measurement != self.unit:
            self.wrong.append("another unit would change what is stored")
        for hour in message.stats:
            if hour.start.utcoffset() is None or hour.start.minute or hour.start.second:
                self.wrong.append(f"{hour.start} is not the top of an hour with a zone")

    def _write(self, message: _Import) -> None:
        for hour in message.stats:
            at = int(hour.start.timestamp() * 1000)
            self.rows[message.metadata.statistic_id][at] = (hour.state, hour.sum)
