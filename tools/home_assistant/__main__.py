"""make home-assistant-live: the real Home Assistant, through everything that goes wrong in a home.

Real firmware on a virtual board, mosquitto, Concentrator and Cloud run beside it. Brokers are
away, everything is killed and restarted, a meter is exchanged, a value ceases. Then Home
Assistant is asked, by its own API. Exit status 1 if something did not hold. Needs root, for chroot.

LIVE_SECONDS (default 420) is how long it runs at least: statistics come each five minutes.
"""

import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from tools.chain.adapter import Adapter
from tools.chain.box import wait_until
from tools.chain.chain import METERS
from tools.environment import home_assistant
from tools.environment.debian import Unavailable
from tools.environment.prepare import program
from tools.home_assistant.house import CEASING, EXCHANGED, HOURLY, House, Strangers
from tools.home_assistant.server import HomeAssistant

_SOON_S = 60.0
# What Home Assistant logs as errors while the broker is away, as it has to.
_OF_THE_BROKER = ("[paho.mqtt.client]", "[homeassistant.components.mqtt.client]")
_EXCHANGED_KWH = 5.0  # more than flows within a run, and far less than the meters have counted
_LOGGED = 5  # lines of Home Assistant's log that are shown
_KWH = {
    "kitchen": "sensor.kitchen_energy_import",
    "pv": f"sensor.smart_meter_{METERS[1].id.replace('-', '_')}_energy_export",
    "encrypted": "sensor.ciphered_energy_import",
    "hourly": f"sensor.smart_meter_{HOURLY}_energy_import",
    "exchanged": f"sensor.smart_meter_{EXCHANGED}_energy_import",
}
_POWER = f"sensor.smart_meter_{CEASING}_power"
_EXACT = ("kitchen", "pv", "encrypted", "hourly")  # whose counters must equal the meter


class Live:
    """One run. checks: (what, whether it held, more)."""

    def __init__(self, folder: Path, data: Path) -> None:
        self.house = House(folder)
        root = home_assistant.root()
        self._log = folder / "logs" / "home-assistant.log"
        counted = {f"counted_{name}": entity for name, entity in _KWH.items()}
        self.ha = HomeAssistant(root, data, self._log, counted)
        self.strangers = Strangers(self.house)
        self.checks: list[tuple[str, bool, str]] = []

    def check(self, what: str, held: bool, more: str = "") -> None:
        self.checks.append((what, held, more))
        print(f"{'ok   ' if held else 'WRONG'} {what}{f': {more}' if more else ''}", flush=True)

    def soon(self, what: str, true: Callable[[], bool], seconds: float = _SOON_S) -> None:
        begin = time.monotonic()
        try:
            wait_until(true, seconds, what)
        except TimeoutError:
            self.check(what, False, f"not within {seconds:.0f} s")
        else:
            self.check(what, True, f"after {time.monotonic() - begin:.1f} s")

    def number(self, entity: str) -> Decimal | None:
        try:
            return Decimal(self.ha.state(entity))
        except InvalidOperation:
            return None

    def all_known(self) -> bool:
        return all(self.number(entity) is not None for entity in (*_KWH.values(), _POWER))

    def begin(self) -> None:
        self.house.start(lambda line: print(line, flush=True))
        adapter = self.adapter = Adapter(self.house, str(program("micropython")))
        adapter.flash()
        adapter.provision(lambda line: None)
        self.strangers.start()
        self.ha.start()
        self.ha.set_up(self.house.plain_port, "homeassistant", self.house.password)
        self.soon("every meter is there by itself", self.all_known)
        # A counter begins with the second value that Home Assistant hears.
        self.soon("every utility_meter counts", lambda: all(map(self._uncounted, _EXACT)))
        self.begun = {name: self._uncounted(name) for name in _EXACT}
        self.ha.ask(
            "energy/save_prefs",
            energy_sources=[
                {
                    "type": "grid",
                    "flow_from": [_flow("stat_energy_from", _KWH["kitchen"])],
                    "flow_to": [],
                    "cost_adjustment_day": 0,
                }
            ],
        )

    def disturb(self) -> None:
        broker = self.house.brokers["lan broker"]
        concentrator = self.house.boxes["concentrator"]
        for seconds in (35, 20):  # the adapter repeats what it sent in its last 80 s
            broker.stop()
            time.sleep(seconds)
            broker.start()
            self.soon(f"values are back after the broker was away for {seconds} s", self.all_known)
            time.sleep(20)
        broker.kill()
        time.sleep(3)
        broker.start()
        self.soon("values are back after kill -9 of the broker", self.all_known)
        concentrator.kill()
        kitchen = _KWH["kitchen"]
        self.soon(
            "a dead Concentrator makes its meters unavailable",
            lambda: self.ha.state(kitchen) == "unavailable",
        )
        concentrator.start()
        self.soon("values are back after kill -9 of the Concentrator", self.all_known)
        concentrator.stop()
        concentrator.start()
        self.soon("values are back after its restart", self.all_known)
        self.ha.stop()
        self.ha.start()
        self.soon("values are back after a restart of Home Assistant", self.all_known)
        self.ha.box.kill()
        self.ha.start()
        self.soon("values are back after kill -9 of Home Assistant", self.all_known)
        self.strangers.exchanged = self.strangers.power_ends = True
        self.soon(
            "a value that has ceased is unknown",
            lambda: self.ha.state(_POWER) == "unknown",
        )
        self.adapter.board.kill()
        self.soon(
            "a dead adapter's meter is unavailable, and says why",
            lambda: (
                self.ha.state(kitchen) == "unavailable"
                and self.ha.state("sensor.kitchen_reason_of_silence") == "its adapter is offline"
            ),
        )
        self.adapter.board.start()
        self.soon(
            "its values are back once the adapter has power",
            lambda: self.number(kitchen) is not None,
        )

    def ask(self) -> None:
        """What Home Assistant says at the end."""
        found = self.ha.get("/api/states")
        ours = [s["entity_id"] for s in found if s["entity_id"].startswith("sensor.")]
        doubled = [entity for entity in ours if entity.endswith("_2")]
        self.check("no entity has a second of its name", not doubled, ", ".join(doubled))
        for name in _EXACT:
            self._counter(name)
        validated = self.ha.ask("energy/validate")
        faults = [fault for part in validated.values() for each in part for fault in each]
        self.check("energy/validate has nothing to say", not faults, str(faults or ""))
        self._statistics()
        wrong = self.ha.ask("recorder/validate_statistics")
        self.check("recorder/validate_statistics has nothing to say", not wrong, str(wrong or ""))
        lines = self._log.read_text(errors="replace").splitlines()
        bad = [
            line
            for line in lines
            if "strictly increasing" in line
            or (" ERROR " in line and not any(name in line for name in _OF_THE_BROKER))
        ]
        self.check("its log has no error", not bad, "\n      ".join(["", *bad[:_LOGGED]]))

    def _counter(self, name: str) -> None:
        """A utility_meter that has counted the same as the meter, to the Wh."""
        begun = self.begun[name]
        self.soon(
            f"utility_meter of {name} equals the meter", lambda: self._uncounted(name) == begun, 20
        )
        now, counted = self._last_number(_KWH[name]), self.number(f"sensor.counted_{name}")
        print(f"      from {begun} to {now} kWh, counted {counted} kWh")

    def _uncounted(self, name: str) -> Decimal | None:
        """What a meter shows without what its utility_meter has counted."""
        now, counted = self._last_number(_KWH[name]), self.number(f"sensor.counted_{name}")
        return None if now is None or counted is None else now - counted

    def _last_number(self, entity: str) -> Decimal | None:
        """Also of one that is unavailable now: from the history."""
        found = self.number(entity)
        if found is not None:
            return found
        path = f"/api/history/period?filter_entity_id={entity}&minimal_response&no_attributes"
        for states in self.ha.get(path):
            for state in reversed(states):
                try:
                    return Decimal(state["state"])
                except InvalidOperation:
                    continue
        return None

    def _statistics(self) -> None:
        since = time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime(time.time() - 7200))
        found: dict[str, Any] = self.ha.ask(
            "recorder/statistics_during_period",
            start_time=since,
            statistic_ids=list(_KWH.values()),
            period="5minute",
            types=["state", "sum"],
        )
        for name in _EXACT:
            rows = found.get(_KWH[name], [])
            # to the tenth of a Wh, because floats are summed there
            off = [
                row
                for row in rows
                if abs((row["sum"] - rows[0]["sum"]) - (row["state"] - rows[0]["state"])) > 1e-4
            ]
            self.check(
                f"statistics of {name} rise as the meter does",
                bool(rows) and not off,
                f"{len(rows)} of five minutes",
            )

        rows = found.get(_KWH["exchanged"], [])
        rise = rows[-1]["sum"] - rows[0]["sum"] if rows else -1.0
        ended = bool(rows) and rows[-1]["state"] < rows[0]["state"]
        self.check(
            "an exchanged meter's total falls and its sum does not jump",
            ended and 0 <= rise < _EXCHANGED_KWH,
            f"{rise:.3f} kWh",
        )

    def end(self) -> None:
        self.ha.box.kill()
        self.strangers.stop()
        if hasattr(self, "adapter"):
            self.adapter.stop()
        self.house.stop()


def _flow(key: str, entity: str) -> dict[str, Any]:
    return {
        key: entity,
        "stat_cost": None,
        "entity_energy_price": None,
        "number_energy_price": None,
    }


def main() -> int:
    seconds = float(os.environ.get("LIVE_SECONDS", "420"))
    folder = Path(tempfile.mkdtemp(prefix="home-assistant-live-"))
    try:
        root = home_assistant.root().path
    except Unavailable as why:
        print(why)
        return 1
    data = root / "var/lib" / folder.name
    begin = time.monotonic()
    live = Live(folder, data)
    try:
        live.begin()
        live.disturb()
        time.sleep(max(0.0, begin + seconds - time.monotonic()))
        live.ask()
    finally:
        live.end()
        shutil.rmtree(data, ignore_errors=True)
    wrong = [what for what, held, _ in live.checks if not held]
    print(f"{len(live.checks) - len(wrong)} of {len(live.checks)} held; logs in {folder / 'logs'}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
