"""One Home Assistant, and its own API: REST and WebSocket, as its frontend uses them."""

import contextlib
import itertools
import json
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

from websockets.sync.client import connect

from tools.chain.box import Box, wait_until
from tools.environment.debian_root import DebianRoot
from tools.environment.home_assistant import PYTHON
from tools.environment.mosquitto import free_port

START_S = 180.0
_ANSWER_S = 30.0
_CONFIGURATION = """\
homeassistant:
  name: Home
  time_zone: Europe/Vienna
  unit_system: metric
  country: AT
  currency: EUR
  latitude: 48.2
  longitude: 16.4
  elevation: 170
http:
  server_host: 127.0.0.1
  server_port: {port}
api:
config:
onboarding:
history:
energy:
recorder:
  commit_interval: 1
logger:
  default: warning
utility_meter:
"""


class HomeAssistant:
    """In a Debian root. folder: within it, for this run's configuration and data.

    counted: name of a utility_meter -> the entity that it counts.
    """

    def __init__(self, root: DebianRoot, folder: Path, log: Path, counted: dict[str, str]) -> None:
        self.port = free_port()
        self.log = log
        self._url = f"http://127.0.0.1:{self.port}"
        self._token = ""
        folder.mkdir(parents=True)
        text = _CONFIGURATION.format(port=self.port)
        for name, entity in counted.items():
            text += f"  {name}:\n    source: {entity}\n    cycle: daily\n"
            # Otherwise it leaves out what flows while its source is unavailable.
            text += "    always_available: true\n    periodically_resetting: false\n"
        (folder / "configuration.yaml").write_text(text)
        inside = f"/{folder.relative_to(root.path)}"
        command, environment = root.command(
            [PYTHON, "-m", "homeassistant", "--config", inside, "--skip-pip"]
        )
        self.box = Box("Home Assistant", command, log)
        self.box.environment = environment

    def start(self) -> None:
        self.box.start()
        wait_until(self._answers, START_S, "the start of Home Assistant")

    def stop(self) -> None:
        """Have it end by itself, as its own restart does: a signal would not reach it in there."""
        with contextlib.suppress(OSError):  # it may end before it answers
            self._request("POST", "/api/services/homeassistant/stop", {})
        wait_until(lambda: not self.box.running, START_S, "the end of Home Assistant")
        self.box.stop()

    def _answers(self) -> bool:
        try:
            if self._token:
                found = self.get("/api/config")
                return bool(found["state"] == "RUNNING")
            return bool(self._request("GET", "/api/onboarding") is not None)
        except (OSError, ValueError):
            return False

    def set_up(self, broker_port: int, user: str, password: str) -> None:
        """Make the owner, and add the MQTT integration by its config flow."""
        client = f"{self._url}/"
        owner = {"client_id": client, "name": "Owner", "username": "owner", "language": "en"}
        answer = self._request("POST", "/api/onboarding/users", owner | {"password": "a password"})
        tokens = self._request(
            "POST",
            "/auth/token",
            {"grant_type": "authorization_code", "code": answer["auth_code"], "client_id": client},
            form=True,
        )
        self._token = tokens["access_token"]
        # The access token lasts half an hour, and a run may last longer.
        lasting = {"client_name": "live", "lifespan": 1}
        self._token = self.ask("auth/long_lived_access_token", **lasting)
        flows = "/api/config/config_entries/flow"
        flow = self._request("POST", flows, {"handler": "mqtt", "show_advanced_options": False})
        settings = {"broker": "127.0.0.1", "port": broker_port}
        settings |= {"username": user, "password": password}
        done = self._request("POST", f"{flows}/{flow['flow_id']}", settings)
        if done.get("type") != "create_entry":
            raise ValueError(f"Home Assistant does not take the broker: {done}")

    def get(self, path: str) -> Any:
        return self._request("GET", path)

    def state(self, entity: str) -> str:
        """An entity's state, "" if there is no such entity."""
        try:
            return str(self.get(f"/api/states/{entity}")["state"])
        except OSError:
            return ""

    def ask(self, kind: str, **more: Any) -> Any:
        """The result of a WebSocket command."""
        numbers = itertools.count(1)
        with connect(f"ws://127.0.0.1:{self.port}/api/websocket", max_size=None) as socket:
            socket.recv(_ANSWER_S)
            socket.send(json.dumps({"type": "auth", "access_token": self._token}))
            socket.recv(_ANSWER_S)
            socket.send(json.dumps({"id": next(numbers), "type": kind} | more))
            answer = json.loads(socket.recv(_ANSWER_S))
        if not answer.get("success"):
            raise ValueError(f"{kind}: {answer.get('error')}")
        return answer["result"]

    def _request(self, method: str, path: str, body: Any = None, form: bool = False) -> Any:
        data = None
        headers = {"Authorization": f"Bearer {self._token}"} if self._token else {}
        if form:
            data = urllib.parse.urlencode(body).encode()
        elif body is not None:
            data = json.dumps(body).encode()
            headers["Content-Type"] = "application/json"
        request = urllib.request.Request(  # noqa: S310 (http, by us)
            self._url + path, data, headers, method=method
        )
        with urllib.request.urlopen(request, timeout=_ANSWER_S) as answer:  # noqa: S310
            return json.loads(answer.read())
