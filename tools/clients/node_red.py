"""Node-RED runs docs/recipes/node-red.json, and prints what each meter measures."""

import json
from collections.abc import Iterator
from pathlib import Path

from tools.chain.box import Box, wait_until
from tools.clients.house import ENERGY_KWH, METER, POWER_W, House
from tools.environment import npm
from tools.environment.mosquitto import free_port
from tools.environment.prepare import REPOSITORY

PACKAGE = "node-red@5.0.7"
_FLOW = REPOSITORY / "docs" / "recipes" / "node-red.json"
_WAIT_S = 120.0
_SETTINGS = """
module.exports = {
  flowFile: "flow.json", uiHost: "127.0.0.1", uiPort: %d, telemetry: { enabled: false },
};
"""


def run(folder: Path) -> Iterator[str]:
    """Each line is something that holds. Raises NotHeld, Unavailable or TimeoutError."""
    program = npm.installed("node-red", (PACKAGE,)) / ".bin" / "node-red"
    with House(folder) as house:
        user = folder / "node-red"
        user.mkdir()
        (user / "settings.js").write_text(_SETTINGS % free_port())
        (user / "flow.json").write_text(_flow(house))
        log = folder / "node-red.log"
        box = Box("Node-RED", [str(program), "--userDir", str(user)], log)
        box.environment = npm.environment()
        box.start()
        try:
            line = f"{METER}: {POWER_W} W, {ENERGY_KWH} kWh"
            wait_until(
                lambda: line in log.read_text(errors="replace"), _WAIT_S, f"Node-RED's {line!r}"
            )
        finally:
            box.stop()
    yield f"the flow prints {line!r}"


def _flow(house: House) -> str:
    """The recipe's flow, with this house's broker and authority."""
    nodes = json.loads(_FLOW.read_text())
    for node in nodes:
        if node["type"] == "mqtt-broker":
            node["broker"], node["port"] = "localhost", str(house.port)
        elif node["type"] == "tls-config":
            node["ca"] = str(house.ca)
    return json.dumps(nodes)
