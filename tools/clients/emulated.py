"""Libraries for HomeWizard's and Shelly's meters read the Concentrator as if it were one of these.

The chain is the demo's. The libraries are python-homewizard-energy and ShellyPy of PyPI. They run
in a process of their own and print what they read.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tools.chain.box import wait_until
from tools.chain.chain import METERS, Chain
from tools.clients.held import hold
from tools.environment.mosquitto import free_port
from tools.environment.prepare import CLIENTS

_WAIT_S = 60.0
_METER = METERS[1]  # it has PV, so its power is negative at times

_HOMEWIZARD = """
import asyncio, json, sys
from homewizard_energy import HomeWizardEnergy

async def main():
    async with HomeWizardEnergy("127.0.0.1:" + sys.argv[1]) as meter:
        device, data = await meter.device(), await meter.data()
        print(json.dumps({"type": device.product_type, "power": data.active_power_w,
                          "energy": data.total_energy_import_kwh}))

asyncio.run(main())
"""
_SHELLY = """
import json, sys
from ShellyPy import Shelly

meter = Shelly("127.0.0.1", port=int(sys.argv[1]), init=False)
info = meter.post("Shelly.GetDeviceInfo")
em, energy = (meter.post(name, {"id": 0}) for name in ("EM.GetStatus", "EMData.GetStatus"))
print(json.dumps({"type": info["app"], "power": em["total_act_power"],
                  "energy": energy["total_act"] / 1000}))
"""


def run(folder: Path) -> Iterator[str]:
    """Each line is something that holds. Raises NotHeld, Unavailable or TimeoutError."""
    chain = Chain(folder / "chain", board=False, embedded=True, any_port=True)
    wizard, shelly = free_port(), free_port()
    with (chain.folder / "concentrator.toml").open("a") as file:
        file.write("[http]\nenabled = false\n")
        for device, port in (("homewizard-p1", wizard), ("shelly-pro-3em", shelly)):
            where = f'host = "127.0.0.1"\nport = {port}\n'
            file.write(f'[[emulate]]\ndevice = "{device}"\nmeter = "{_METER.id}"\n{where}')
    chain.start(lambda _: None)
    try:
        yield from _read(chain, "python-homewizard-energy", _HOMEWIZARD, wizard, "HWE-P1")
        yield from _read(chain, "ShellyPy", _SHELLY, shelly, "Pro3EM")
    finally:
        chain.stop()


def _read(chain: Chain, library: str, program: str, port: int, kind: str) -> Iterator[str]:
    """What a library reads is among the newest that the virtual meter has sent."""
    found: dict[str, Any] = {}

    def is_read() -> bool:
        nonlocal found
        done = subprocess.run(
            [sys.executable, "-c", program, str(port)],
            env=os.environ | {"PYTHONPATH": str(CLIENTS)},
            capture_output=True,
            text=True,
        )
        if done.returncode == 0:
            found = json.loads(done.stdout)
        elif "ModuleNotFoundError" in done.stderr:
            hold(False, f"{library} is not here; type: make clients")
        return bool(found)

    wait_until(is_read, _WAIT_S, f"an answer that {library} takes")
    hold(found["type"] == kind, f"{library} takes it for {found['type']}")
    sent = [json.loads(line) for line in chain.truth(_METER).read_text().splitlines()][-5:]
    pairs = [_power_and_energy(telegram) for telegram in sent]
    read = (found["power"], found["energy"])
    hold(read in pairs, f"{library} reads {read}, and the meter sent {pairs}")
    yield f"{library}: {kind}, {read[0]} W, {read[1]} kWh, as the meter sent it"


def _power_and_energy(telegram: dict[str, Any]) -> tuple[float, float]:
    values = telegram["values"]
    return values["1.7.0"] - values["2.7.0"], values["1.8.0"] / 1000
