"""Earlier crashes: kept in RTC memory, which survives every reset but not a power cut.

Three crashes without five good minutes between them start the safe mode. The meter is then not
read, but console, network and status work, so that you can look. It tries again an hour later.
"""

import json

import machine

TYPE_CHECKING = False  # what follows is for mypy; a device has no typing
if TYPE_CHECKING:
    from typing import Any

_CRASHES = 3
GOOD_S = 300
SAFE_S = 3600
_TEXT_MAX = 400


class Restart(Exception):
    """An intended restart, as opposed to a crash; with its reason."""


class Health:
    """running: between start() and the end of the program; a reset that finds it was a crash.

    restart: why the last start was wanted, or "".
    """

    def __init__(self) -> None:
        resets = {1: "power", 2: "hard", 3: "watchdog", 4: "deep sleep", 5: "soft"}
        self.reset = resets.get(machine.reset_cause(), "unknown")
        record = _load()
        self.crashes: int = record["crashes"]
        self.last_crash: str = record["last"]
        self.restart: str = record["restart"]
        if record["running"]:
            self.crashes += 1
            self.last_crash = _crash(machine.reset_cause())
        self.safe = self.crashes >= _CRASHES

    def start(self) -> None:
        self._keep(True)

    def good(self) -> None:
        """Forgets earlier crashes, because it has run well for so long."""
        if self.crashes:
            self.crashes = 0
            self._keep(True)

    def crashed(self, text: str) -> None:
        self.crashes += 1
        self.last_crash = text[-_TEXT_MAX:]
        self._keep(False)

    def stopped(self, why: str) -> None:
        """An intended reset follows; one out of the safe mode starts from nothing."""
        if self.safe:
            self.crashes = 0
        self._keep(False, why)

    def _keep(self, running: bool, restart: str = "") -> None:
        record = {
            "crashes": self.crashes,
            "last": self.last_crash,
            "running": running,
            "restart": restart,
        }
        machine.RTC().memory(json.dumps(record).encode())


def _crash(cause: int) -> str:
    """What a reset in the middle of the work was.

    The port gives one cause for a panic and for machine.reset(), and one for a brown-out and for
    the power (modmachine.c). But before a wanted reset stopped() is called, and after a power cut
    there is no record.
    """
    if cause == 1:
        return "the power dipped, or the reset button was pressed"
    if cause == 2:
        return "the chip panicked"
    if cause == 3:
        return "the watchdog: nothing moved for two minutes"
    return "a reset without a known cause"


def _load() -> "dict[str, Any]":
    try:
        record = json.loads(machine.RTC().memory())
        return {
            "crashes": int(record["crashes"]),
            "last": str(record["last"])[-_TEXT_MAX:],
            "running": record["running"] is True,
            "restart": str(record["restart"]),
        }
    except (ValueError, KeyError, TypeError):  # nothing there, or of another program
        return {"crashes": 0, "last": "", "running": False, "restart": ""}
