"""A simulated week of the adapter: all its telegrams, at about 1000 times the pace.

    python -m tools.soak          SOAK_TELEGRAMS bounds it; the default is a week's, 120 960

The firmware runs on the 32-bit virtual board with an ESP32's heap, from an encrypted telegram every
5 s to the broker's acknowledgement. The board's clock is turned as the telegrams go by, so that it
keeps its minutes (status, keepalive) and its days (NTP). It is turned while the board waits, so
that no answer looks late that was not. Compiled files of class "c3" publish readings for a week.
Four days go by over one connection, whose packet ids start again. Class "classic" then forwards
telegrams for a day.

Each takes an update, and from then on there is trouble every few hours, in turn: Wi-Fi is off, the
router restarts, the DHCP lease is lost, the broker is away for three hours. Exit status 1 if a
reading is lost or wrong, if the board crashes or restarts without a reason of its own, or if free
heap after collection shrinks by more than 2 % from the end of the first hour.
"""

import os
import queue
import re
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import rsa

from tools.environment.debian import Unavailable
from tools.soak.adapter_run import AdapterRun, Way, agrees
from tools.table import Table, verdicts

READING = Way("c3")
RAW = Way("classic", "raw")

_WEEK = 7 * 24 * 720
_HOUR = 720  # telegrams, one every 5 s
_DAY = 24 * _HOUR
_IDS = 65_536  # packet ids of MQTT, 0 among them, which is none
_TROUBLE = _DAY // 4
# Telegrams of a minute of the board's clock; their readings are awaited before it passes. Three
# more than come in a minute: pass_time() can turn six days, and a week's have to fit.
_BATCH = 15
_OUTAGE_S = 3 * 3600
# Why the adapter may restart itself here.
_REASONS = {"another version is there", "no way to the broker for 20 minutes"}
_NEWER = "9.9.9"
# Telegrams sent ahead: fewer bytes than the UART's buffer holds, while the first one loads modules.
_UNDER_WAY = 4
_MINUTE_S = 61  # of the board's clock, at the end of which it tells its status
_WAIT_S = 60
_SHRINK = 0.02


@dataclass
class Soak:
    run: AdapterRun
    telegrams: int
    sent: int = 0
    right: int = 0
    wrong: int = 0
    lost: int = 0
    again: int = 0
    lease: int = 1
    repeats: bool = True  # what a broker acknowledged before anybody listened
    pending: dict[str, dict[str, Any]] = field(default_factory=dict)  # by the meter's time

    def batch(self) -> None:
        for _ in range(min(_BATCH, self.telegrams - self.sent)):
            truth = self.run.send()
            self.pending[truth["time"]] = truth
            self.sent += 1
            self._await(_UNDER_WAY)
        self._await(0)

    def _await(self, left: int) -> None:
        """Reads until at most `left` readings are in flight; those that do not arrive are lost."""
        until = time.monotonic() + _WAIT_S
        while len(self.pending) > left and time.monotonic() < until:
            self._take(until - time.monotonic())
        if len(self.pending) > left:
            self.lost += len(self.pending)
            self.pending.clear()

    def _take(self, seconds: float) -> None:
        try:
            reading = self.run.readings.get(timeout=max(0.01, seconds))
        except queue.Empty:
            return
        truth = self.pending.pop(reading.get("time", ""), None)
        if truth is None:
            self.again += 1
        elif agrees(reading, truth):
            self.right += 1
        else:
            self.wrong += 1

    def minute(self) -> dict[str, Any]:
        """Lets the batch's minute pass; returns the status at its end."""
        while not self.run.statuses.empty():
            self.run.statuses.get()
        self.run.board.pass_idle_time(_MINUTE_S)
        return self.run.status()

    def trouble(self, number: int) -> None:
        """Make trouble, and wait until the adapter is back. What was acknowledged in the last
        minute is then repeated."""
        board = self.run.board
        console = len(board.console())
        kind = number % 4
        if kind in (0, 1):
            board.air(networks={})
            board.wait_console("network: lost", _WAIT_S, console)
            board.air(networks={"run": "password-of-the-run"})
        if kind == 1:  # a router that has restarted refuses at first, and knows no leases
            self.lease += 1
            board.air(refuses=202, lease=self.lease)
            board.pass_time(40, 2)
            board.air(refuses=0)
        if kind == 2:
            self.lease += 1
            board.air(lease=self.lease)
            self.run.passage.cut()
            board.wait_console("no such host name", _WAIT_S, console)
        if kind == 3:
            self.run.broker.kill()
            board.wait_console("adapter: broker: ", _WAIT_S, console)
            board.pass_time(_OUTAGE_S, 60)
            self.run.broker.start()
            console = len(board.console())
        until = time.monotonic() + _WAIT_S
        while "broker: connected" not in board.console()[console:]:
            board.pass_time(10, 2)  # its pauses are over at once
            if time.monotonic() > until:
                raise TimeoutError("the board did not come back")
        if not self.repeats and not self.run.listens.wait(_WAIT_S):
            raise TimeoutError("the listener did not come back")


def soak(
    folder: Path,
    telegrams: int,
    first: int = _HOUR,
    unbroken: int = 4 * _DAY,
    every: int = _TROUBLE,
    image: Path | None = None,
    way: Way = READING,
) -> bool:
    """Run the soak; return whether all went well.

    first: telegrams until the heap is measured. unbroken: telegrams until the first trouble.
    every: telegrams from one trouble to the next. image: the flash of a board that has the
    firmware. way: how it is installed, and what it publishes.
    """
    started = time.monotonic()
    table = Table(
        ("telegrams", 10), ("readings", 9), ("lost", 5), ("again", 6), ("heap free", 10), ("s", 7)
    )
    heap_first = heap = 0
    key = rsa.generate_private_key(public_exponent=65537, key_size=3072)
    with AdapterRun(folder, "micropython32", image, key, way) as run:
        it = Soak(run, telegrams, repeats=way.publishes != "raw")
        resets = list(run.board.resets)
        shown = longest = troubles = 0
        version = ""
        while it.sent < telegrams:
            it.batch()
            status = it.minute()
            heap = int(status["heap"])
            if status["connects"] == 1:
                longest = max(longest, int(status["published"]))
            if not heap_first and it.sent >= first + (unbroken if version else 0):
                heap_first = heap
            if it.sent - shown >= telegrams // 20 or it.sent == telegrams:
                shown = it.sent
                spent = int(time.monotonic() - started)
                table.row(it.sent, it.right, it.lost, it.again, heap, spent)
            if it.sent >= unbroken and not version:
                version = run.update(_NEWER)
                heap_first = 0  # again, of the version that runs now
            elif unbroken + every * (troubles + 1) <= it.sent < telegrams:
                it.trouble(troubles)
                troubles += 1
        restarts = run.board.resets[len(resets) :]
        reasons = re.findall(r"adapter: adapter: (.*); restarting", run.board.console())
    change = (heap - heap_first) / heap_first if heap_first else -1.0
    met = [
        (it.lost == 0 and it.right == telegrams, f"no reading lost: {it.lost} of {telegrams}"),
        (it.wrong == 0, f"no reading wrong: {it.wrong}"),
        (status["dropped"] == 0, f"none dropped by the adapter: {status['dropped']}"),
        ("last_crash" not in status, f"no crash: {status.get('last_crash')}"),
        (
            len(restarts) == len(reasons) and _REASONS.issuperset(reasons),
            f"{len(restarts)} restarts, all for a reason: {', '.join(sorted(set(reasons)))}",
        ),
        (version == (_NEWER if telegrams >= unbroken else ""), f"the update runs: {version}"),
        (
            change > -_SHRINK,
            f"free heap after collection {heap}, after the first hour {heap_first}: {change:+.1%}",
        ),
    ]
    if telegrams > unbroken > _IDS:
        text = f"{_IDS} publishes over one connection, so its packet ids start again: {longest}"
        met.append((longest > _IDS, text))
    verdicts(met)
    print(
        f"\n{status['published']} publishes of readings, {status['connects']} connections, "
        f"uptime {int(status['uptime']) // 3600} h by the board's clock"
    )
    return all(is_met for is_met, _ in met)


def main() -> int:
    telegrams = int(os.environ.get("SOAK_TELEGRAMS", _WEEK))
    print(f"{telegrams} telegrams, one every 5 s of the adapter's time\n")
    day = min(telegrams, _DAY)
    with tempfile.TemporaryDirectory() as week, tempfile.TemporaryDirectory() as other:
        try:
            good = soak(Path(week), telegrams)
            print(f"\n{day} telegrams that class {RAW.memory} forwards ({RAW.publishes})\n")
            good &= soak(Path(other), day, unbroken=day // 4, every=day // 8, way=RAW)
        except Unavailable as why:
            print(f"soak: {why}", file=sys.stderr)
            return 1
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
