"""Starts the Concentrator as a Home Assistant app (add-on).

The first start writes /config/gateway.toml from the app's options. Later starts leave it alone: it
is yours to edit. Remove it, and the options count again.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

PROGRAM = "smartmeter-gateway"


def start(options: Path, config: Path) -> int:
    """The exit status, if init fails; otherwise this process becomes the Concentrator."""
    if not config.exists():
        chosen = json.loads(options.read_text(encoding="utf-8"))
        answers = {
            "concentrator": chosen["concentrator"],
            "lan.host": chosen["mqtt_host"],
            "lan.tls": "no",  # the apps of one Home Assistant have a network of their own
            "lan.user": chosen["mqtt_user"],
            "homeassistant": "yes",
        }
        given = [part for name, value in answers.items() for part in ("--set", f"{name}={value}")]
        done = subprocess.run(
            [PROGRAM, "init", "--config", str(config), *given, "--secrets", "-"],
            input=f"lan.password={chosen['mqtt_password']}\n",
            text=True,
        )
        if done.returncode:
            return done.returncode
    os.execvp(PROGRAM, [PROGRAM, "run", "--config", str(config)])  # noqa: S606 (no shell)


if __name__ == "__main__":
    sys.exit(start(Path("/data/options.json"), Path("/config/gateway.toml")))
