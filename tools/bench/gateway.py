"""gateway: readings a second through the Concentrator, next to a bridge and a bare relay

Measured from an adapter's publish to a store that has sent receipts, all on this machine. Two
mosquittos, the sender and the store share its cores with the measured process. "lost" readings
were acknowledged to the sender and did not arrive. A mosquitto bridge and a relay of a few lines of
paho do the same without a disk, and lose their data when they end. CPU and maximum memory are
those of the measured process.
"""

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

from tools.bench.gateway_load import reading
from tools.bench.mqtt_wire import Connection, publish
from tools.environment.debian import Unavailable
from tools.environment.mosquitto import Mosquitto, free_port
from tools.table import Table, verdicts

_ID = "home"
_METERS = 1000
_LIVE = 60_000
_BACKLOG = 100_000
_STEADY_S = 15
_ADAPTERS = 500
_ROUNDS = 5  # the median counts, so that other load of a moment moves nothing
_LIVE_TARGET, _BACKLOG_TARGET, _CPU_TARGET = 5_000, 25_000, 10.0
_TICKS = os.sysconf("SC_CLK_TCK")


class Process:
    """A Python module as a process; its CPU seconds and its most memory."""

    def __init__(self, *arguments: object) -> None:
        self._errors = tempfile.TemporaryFile("w+")  # noqa: SIM115
        self._process = subprocess.Popen(
            [sys.executable, "-m", *map(str, arguments)],
            stdout=subprocess.PIPE,
            stderr=self._errors,
        )
        self.pid = self._process.pid

    def check(self) -> None:
        """Raises ChildProcessError with its last line if it has ended."""
        if self._process.poll() is None:
            return
        self._errors.seek(0)
        lines = self._errors.read().splitlines() or ["it wrote nothing"]
        raise ChildProcessError(f"the measured process ended: {lines[-1]}")

    def result(self, seconds: float) -> dict[str, Any]:
        """The JSON it prints at its end; {} if it did not get that far."""
        try:
            out, _ = self._process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()
            return {}
        return dict(json.loads(out)) if out else {}

    def stop(self) -> None:
        self._process.terminate()
        self._process.communicate()


def cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def peak_megabytes(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1000


@contextlib.contextmanager
def between(
    folder: Path, what: str, http: int | None = None
) -> Iterator[tuple[Mosquitto, Mosquitto, int]]:
    """(LAN broker, cloud broker, pid of what is between them) for "ours", "bridge", "relay"."""
    cloud = Mosquitto(folder / "cloud")
    bridge = [
        "connection up",
        f"address 127.0.0.1:{cloud.port}",
        f"topic # out 1 smartMeterMessage/ concentrator/{_ID}/smartMeterMessage/",
        "notifications false",
        "max_inflight_messages 1000",
    ]
    lan = Mosquitto(folder / "lan", settings=bridge if what == "bridge" else [])
    made: Process | None = None
    with cloud, lan:
        if what == "ours":
            config = folder / "gateway.toml"
            config.write_text(
                f'concentrator = "{_ID}"\n[http]\nport = {http or free_port()}\n'
                f'[lan]\nhost = "localhost"\nport = {lan.port}\n'
                f'[cloud]\nhost = "localhost"\nport = {cloud.port}\n'
            )
            made = Process("smartmeter_gateway", "run", "--config", config)
        elif what == "relay":
            made = Process("tools.bench.relay", lan.port, cloud.port, _ID)
        time.sleep(2)
        try:
            yield lan, cloud, made.pid if made else lan.pid
        finally:
            if made:
                made.stop()


def live(what: str, table: Table) -> float:
    """Readings a second that passed, each acknowledged before the next window."""
    with tempfile.TemporaryDirectory() as folder, between(Path(folder), what) as (lan, cloud, pid):
        store = Process("tools.bench.gateway_load", "store", cloud.port, _LIVE, _ID)
        time.sleep(0.5)
        begin, before = time.monotonic(), cpu(pid)
        Process("tools.bench.gateway_load", "send", lan.port, _METERS, 0, _LIVE).result(120)
        found = store.result(60)
        rate = _LIVE / (time.monotonic() - begin) if found else 0.0
        used = (cpu(pid) - before) / _LIVE * 1e6
        lost = _LIVE - found.get("stored", 0) if found else None
        table.row(what, "live", rate, lost if found else "some", used, peak_megabytes(pid))
        return rate


def wait_for_spool(http: int, rows: int) -> None:
    until = time.monotonic() + 120
    while time.monotonic() < until:
        with urllib.request.urlopen(f"http://127.0.0.1:{http}/status") as answer:
            if json.load(answer)["spool"]["rows"] >= rows:
                return
        time.sleep(0.1)
    raise TimeoutError(f"the spool does not reach {rows} readings")


def backlog(table: Table) -> float:
    """Readings a second after an outage, from the first that arrives to the last."""
    http = free_port()
    with (
        tempfile.TemporaryDirectory() as folder,
        between(Path(folder), "ours", http) as (lan, cloud, pid),
    ):
        cloud.stop()
        Process("tools.bench.gateway_load", "send", lan.port, _METERS, 0, _BACKLOG).result(300)
        wait_for_spool(http, _BACKLOG)  # the LAN broker acknowledges what is still in flight
        before = cpu(pid)
        cloud.start()
        store = Process("tools.bench.gateway_load", "store", cloud.port, _BACKLOG, _ID)
        found = store.result(180)
        used = (cpu(pid) - before) / _BACKLOG * 1e6
        rate = float(found.get("rate", 0.0))
        lost = _BACKLOG - found["stored"] if found else "some"
        table.row("ours", "backlog", rate, lost, used, peak_megabytes(pid))
        return rate


def steady(table: Table) -> float:
    """CPU, in percent of a core, at 1 000 meters that push every 5 s."""
    rate, count = _METERS / 5, _METERS // 5 * _STEADY_S
    with (
        tempfile.TemporaryDirectory() as folder,
        between(Path(folder), "ours") as (lan, cloud, pid),
    ):
        store = Process("tools.bench.gateway_load", "store", cloud.port, count, _ID)
        time.sleep(0.5)
        begin, before = time.monotonic(), cpu(pid)
        Process("tools.bench.gateway_load", "send", lan.port, _METERS, rate, count).result(120)
        share = (cpu(pid) - before) / (time.monotonic() - begin) * 100
        found = store.result(60)
        lost = count - found["stored"] if found else "some"
        label = f"{_METERS} meters, 5 s: {share:.1f} % CPU"
        table.row("ours", label, rate, lost, share / rate * 1e4, peak_megabytes(pid))
        return share


def storm(table: Table) -> None:
    """All adapters come back at the same moment, each with a minute of readings."""
    each, count = 12, _ADAPTERS * 12
    with (
        tempfile.TemporaryDirectory() as folder,
        between(Path(folder), "ours") as (lan, cloud, pid),
    ):
        store = Process("tools.bench.gateway_load", "store", cloud.port, count, _ID)
        time.sleep(0.5)
        begin, before = time.monotonic(), cpu(pid)
        clients = [Connection(lan.port, f"adapter-{i}") for i in range(_ADAPTERS)]
        for i, client in enumerate(clients):
            topic = f"smartMeterMessage/meter-{i}/reading"
            client.socket.sendall(
                b"".join(publish(topic, reading(seq), seq + 1) for seq in range(each))
            )
        found = store.result(60)
        seconds = time.monotonic() - begin
        used = (cpu(pid) - before) / count * 1e6
        lost = count - found["stored"] if found else "some"
        table.row(
            "ours",
            f"{_ADAPTERS} adapters at once",
            count / seconds,
            lost,
            used,
            peak_megabytes(pid),
        )
        for client in clients:
            client.socket.close()


def main() -> None:
    try:
        table = Table(
            ("through", 8), ("what", 32), ("readings/s", 10), ("lost", 6), ("CPU us each", 11),
            ("MB", 6),
        )  # fmt: skip
        live_rate = median(live("ours", table) for _ in range(_ROUNDS))
        live("bridge", table)
        live("relay", table)
        backlog_rate = median(backlog(table) for _ in range(_ROUNDS))
        share = median(steady(table) for _ in range(_ROUNDS))
        storm(table)
    except Unavailable as why:
        print(why)
        return
    verdicts(
        [
            (live_rate >= _LIVE_TARGET, f"live: at least {_LIVE_TARGET} readings/s with receipts"),
            (backlog_rate >= _BACKLOG_TARGET, f"backlog: at least {_BACKLOG_TARGET} readings/s"),
            (share < _CPU_TARGET, f"{_METERS} meters every 5 s: under {_CPU_TARGET:g} % of a core"),
        ]
    )
