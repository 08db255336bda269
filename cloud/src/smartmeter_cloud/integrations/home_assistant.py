"""Home Assistant's WebSocket API, as far as statistics need it.

developers.home-assistant.io/docs/api/websocket, and homeassistant/components/recorder/
websocket_api.py of 2026.11 for the recorder's commands.
"""

import json
import ssl
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit, urlunsplit

from smartmeter_cloud.integrations.statistics_gap import Hour

WAIT_SECONDS = 30.0  # for an answer, and until imported hours can be read
MESSAGE_MAX = 16 * 1024 * 1024  # bytes; a year of hours is about 1 MB
AT_A_TIME = 1000  # hours in a message
_ENERGY = {"Wh": 1, "kWh": 1000, "MWh": 1_000_000}


class HomeAssistantError(Exception):
    """Home Assistant cannot be used; one sentence with what to do."""


class Statistic:
    """One statistic's metadata; factor: Wh of its unit."""

    def __init__(self, name: str, found: dict[str, Any]) -> None:
        """HomeAssistantError if it has no sum of energy."""
        unit = found.get("statistics_unit_of_measurement")
        if not found.get("has_sum") or unit not in _ENERGY:
            raise HomeAssistantError(f"{name} is not a total of energy (its unit is {unit})")
        self.name = name
        self.unit = str(unit)
        self.factor = _ENERGY[self.unit]
        self.metadata = {
            "has_mean": False,
            "has_sum": True,
            "name": found.get("name"),
            "source": found.get("source"),
            "statistic_id": name,
            "unit_of_measurement": unit,
        }
        # Newer versions demand these two, older ones refuse them.
        self.metadata |= {key: found[key] for key in ("mean_type", "unit_class") if key in found}


class HomeAssistant:
    """A connection; use it in a with statement. Raises HomeAssistantError everywhere."""

    def __init__(self, url: str, token: str, context: ssl.SSLContext | None) -> None:
        try:
            from websockets.exceptions import WebSocketException
            from websockets.sync.client import connect
        except ImportError:
            raise HomeAssistantError("this needs a library; type: pip install websockets") from None
        self._errors = (OSError, WebSocketException, ValueError)
        self._ids = 0
        address = _websocket(url)
        try:
            self._socket = connect(
                address,
                ssl=context if address.startswith("wss:") else None,
                open_timeout=WAIT_SECONDS,
                max_size=MESSAGE_MAX,
                proxy=None,
            )
        except self._errors as e:
            raise HomeAssistantError(f"{url} cannot be reached: {e}") from None
        try:
            self._log_in(token)
        except BaseException:
            self._socket.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, e: BaseException | None, at: TracebackType | None
    ) -> None:
        self._socket.close()

    def statistic(self, name: str) -> Statistic:
        found = self._ask("recorder/get_statistics_metadata", statistic_ids=[name])
        ours = [one for one in found or () if one.get("statistic_id") == name]
        if not ours:
            raise HomeAssistantError(f"Home Assistant has no statistic {name}")
        return Statistic(name, ours[0])

    def hours(self, statistic: Statistic, start: int, end: int) -> list[Hour]:
        """The hours that begin in [start, end) ms, in their order."""
        found = self._ask(
            "recorder/statistics_during_period",
            start_time=_text(start),
            end_time=_text(end),
            statistic_ids=[statistic.name],
            period="hour",
            units={"energy": statistic.unit},
            types=["state", "sum"],
        )
        try:
            rows = [
                Hour(int(row["start"]), row.get("state"), float(row["sum"]))
                for row in found.get(statistic.name, ())
                if row.get("sum") is not None
            ]
        except (AttributeError, KeyError, TypeError, ValueError):
            raise HomeAssistantError("the answer to statistics_during_period is unknown") from None
        return sorted(row for row in rows if start <= row.start < end)

    def write(self, statistic: Statistic, hours: Sequence[Hour]) -> None:
        """Returns once they can be read again: Home Assistant only queues them at first."""
        for i in range(0, len(hours), AT_A_TIME):
            some = hours[i : i + AT_A_TIME]
            stats = [{"start": _text(h.start), "state": h.state, "sum": h.sum} for h in some]
            self._ask("recorder/import_statistics", metadata=statistic.metadata, stats=stats)
        wanted = {h.start: h.sum for h in hours}
        until = time.monotonic() + WAIT_SECONDS
        while True:
            found = self.hours(statistic, min(wanted), max(wanted) + 1)
            there = {h.start: h.sum for h in found}
            if all(abs(there.get(start, -1) - total) < 1e-3 for start, total in wanted.items()):
                return
            if time.monotonic() > until:
                raise HomeAssistantError(
                    "Home Assistant took the hours but does not show them; look into its log"
                )
            time.sleep(0.5)

    def _log_in(self, token: str) -> None:
        if self._receive().get("type") != "auth_required":
            raise HomeAssistantError("this is not Home Assistant: it does not ask for a token")
        self._send({"type": "auth", "access_token": token})
        answer = self._receive()
        if answer.get("type") != "auth_ok":
            raise HomeAssistantError(
                "Home Assistant refuses the token; create a long-lived one in your profile"
            )

    def _ask(self, what: str, **fields: Any) -> Any:
        self._ids += 1
        self._send({"id": self._ids, "type": what, **fields})
        while True:
            answer = self._receive()
            if answer.get("id") != self._ids or answer.get("type") != "result":
                continue  # an event or a pong
            if answer.get("success"):
                return answer.get("result")
            error = answer.get("error")
            reason = error.get("message") if isinstance(error, dict) else error
            raise HomeAssistantError(f"Home Assistant refuses {what}: {reason}")

    def _send(self, message: dict[str, Any]) -> None:
        try:
            self._socket.send(json.dumps(message))
        except self._errors as e:
            raise HomeAssistantError(f"the connection to Home Assistant broke: {e}") from None

    def _receive(self) -> dict[str, Any]:
        try:
            answer = json.loads(self._socket.recv(timeout=WAIT_SECONDS))
        except TimeoutError:
            raise HomeAssistantError("Home Assistant does not answer") from None
        except (*self._errors, RecursionError) as e:
            raise HomeAssistantError(f"the connection to Home Assistant broke: {e}") from None
        return answer if isinstance(answer, dict) else {}


def _websocket(url: str) -> str:
    parts = urlsplit(url if "://" in url else f"http://{url}")
    scheme = {"http": "ws", "https": "wss", "ws": "ws", "wss": "wss"}.get(parts.scheme)
    if scheme is None or not parts.hostname:
        raise HomeAssistantError(f"{url} is not an address such as https://home.example:8123")
    path = parts.path.rstrip("/")
    path = path if path.endswith("/api/websocket") else f"{path}/api/websocket"
    return urlunsplit((scheme, parts.netloc, path, "", ""))


def _text(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat()
