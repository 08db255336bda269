"""The mqtt command of npm (MQTT.js): it listens to a state, and publishes a reading."""

import json
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from tools.chain.box import Box, wait_until
from tools.clients.held import hold
from tools.clients.house import CONCENTRATOR, ENERGY_KWH, METER, POWER_W, House
from tools.environment import npm

PACKAGE = "mqtt@5.16.0"
_WAIT_S = 60.0
_STATES = f"concentrator/{CONCENTRATOR}/smartMeterMessage/+/state"


def run(folder: Path) -> Iterator[str]:
    """Each line is something that holds. Raises NotHeld, Unavailable or TimeoutError."""
    program = npm.installed("mqtt", (PACKAGE,)) / ".bin" / "mqtt"
    with House(folder) as house:
        broker = ["-h", "localhost", "-p", str(house.port), "-l", "mqtts", "--ca", str(house.ca)]
        log = folder / "sub.log"
        listener = Box(
            "mqtt sub", [str(program), "sub", *broker, "-q", "1", "-t", _STATES, "-v"], log
        )
        listener.environment = npm.environment()
        listener.start()
        try:
            wait_until(lambda: METER in _states(log), _WAIT_S, "a state of the example's meter")
            state = _states(log)[METER]
            wanted = {"state": "online", "power_w": POWER_W, "energy_import_kwh": ENERGY_KWH}
            hold(wanted.items() <= state.items(), f"the state is {state}")
            yield f"mqtt sub: {state['power_w']} W, {state['energy_import_kwh']} kWh"
            _publish(program, broker)
            wait_until(lambda: "cli" in _states(log), _WAIT_S, "a state of mqtt pub's meter")
            yield "mqtt pub: a reading that is published with it becomes a state"
        finally:
            listener.stop()


def _publish(program: Path, broker: list[str]) -> None:
    now = datetime.now(UTC).isoformat(timespec="seconds")
    reading = {"time": now, "clock": "adapter", "seq": 1, "auth": "none", "values": {"16.7.0": -5}}
    topic = "smartMeterMessage/cli/reading"
    done = subprocess.run(
        [str(program), "pub", *broker, "-q", "1", "-t", topic, "-m", json.dumps(reading)],
        env=npm.environment(),
        capture_output=True,
        text=True,
    )
    hold(done.returncode == 0, f"mqtt pub: {done.stdout}{done.stderr}")


def _states(log: Path) -> dict[str, dict[str, object]]:
    """The newest state of each meter, from lines of a topic and its payload."""
    found = {}
    for line in log.read_text(errors="replace").splitlines():
        topic, _, payload = line.partition(" ")
        if topic.endswith("/state") and payload.startswith("{"):
            found[topic.split("/")[3]] = json.loads(payload)
    return found
