"""Prometheus scrapes a Concentrator, an ingest process and an api with docs/prometheus's files.

The chain is the demo's: three virtual meters, two brokers. One meter is switched off on the way.
"""

import base64
import json
import secrets
import shutil
import ssl
import subprocess
import sys
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from tools.chain.box import Box, wait_until
from tools.chain.chain import METERS, Chain
from tools.clients.held import hold
from tools.environment.mosquitto import free_port
from tools.environment.prepare import REPOSITORY, program

_DOCS = REPOSITORY / "docs" / "prometheus"
_PAGES_S = 60.0
_SILENT_ALERTS = {"SmartmeterMeterSilent", "SmartmeterCloudMeterSilent"}
_SILENT_S = 120.0  # after three of its usual intervals; the Cloud waits a minute


def run(folder: Path) -> Iterator[str]:
    """Each line is something that holds. Raises NotHeld, Unavailable or TimeoutError."""
    yield from _promtool()
    with _Site(folder) as site:
        yield from site.scrape()


def _promtool() -> Iterator[str]:
    for arguments in (["check", "rules", "alerts.yml"], ["test", "rules", "alerts.test.yml"]):
        done = _run_promtool(arguments, _DOCS)
        yield f"promtool {' '.join(arguments)}: {done.splitlines()[-1].strip()}"


def _run_promtool(arguments: list[str], folder: Path, page: bytes | None = None) -> str:
    done = subprocess.run(
        [program("prometheus", "promtool"), *arguments],
        cwd=folder,
        input=page,
        capture_output=True,
    )
    said = (done.stdout + done.stderr).decode()
    hold(done.returncode == 0, f"promtool {' '.join(arguments)}: {said}")
    return said.strip()


class _Site:
    """The demo's chain, whose page other machines may read, and a Prometheus."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._chain = Chain(folder / "chain", board=False, embedded=False, any_port=True)
        self._page, self._ingest, self._prometheus = free_port(), free_port(), free_port()
        self._password = self._secret("http.password")
        self._append(
            "concentrator.toml",
            f'[http]\nhost = "0.0.0.0"\nport = {self._page}\n'
            f'password_file = "{folder / "http.password"}"\n',
        )
        self._append("cloud.toml", f"[metrics]\nport = {self._ingest}\n")

    def __enter__(self) -> "_Site":
        self._chain.start(lambda _: None)
        return self

    def __exit__(self, *_: object) -> None:
        self._chain.stop()

    def scrape(self) -> Iterator[str]:
        config = self._configuration()
        said = _run_promtool(["check", "config", config.name], self._folder)
        yield f"promtool check config: {said.splitlines()[-1].strip()}"
        server = Box("prometheus", self._command(config), self._folder / "prometheus.log")
        server.start()
        try:
            yield from self._held()
        finally:
            server.stop()

    def _held(self) -> Iterator[str]:
        jobs = {"smartmeter-gateway", "smartmeter-cloud", "smartmeter-cloud-ingest"}
        wait_until(lambda: self._up() == jobs, _PAGES_S, "a scrape of all three pages")
        yield "all three pages are scraped, the Concentrator's by https with its password"
        for job, page in self._pages().items():
            said = _run_promtool(["check", "metrics"], self._folder, page)
            hold(not said, f"promtool check metrics of {job}: {said}")
        yield "promtool check metrics: nothing to say of any page"
        rules = [r for g in self._ask("rules")["groups"] for r in g["rules"]]
        wait_until(lambda: self._evaluated(len(rules)), _PAGES_S, "each alert rule's evaluation")
        yield f"all {len(rules)} alert rules are evaluated without an error"
        metric = "smartmeter_gateway_energy_watthours_total"
        meters = {meter.id for meter in METERS}
        wait_until(
            lambda: meters == self._meters(f'{metric}{{direction="import"}}'),
            _PAGES_S,
            "every meter's energy",
        )
        family = metric.removesuffix("_total")  # its name in OpenMetrics, which Prometheus asks for
        kinds = [kind["type"] for kind in self._ask("metadata", metric=family)[family]]
        hold(kinds == ["counter"], f"{metric} is of type {', '.join(kinds)}")
        yield f"{metric} is a counter, and is there for {len(meters)} meters"
        yield from self._one_falls_silent()

    def _one_falls_silent(self) -> Iterator[str]:
        gone = METERS[0]
        self._chain.boxes[f"meter {gone.letter}"].stop()
        silent = "smartmeter_gateway_meter_silent == 1"
        wait_until(lambda: self._meters(silent) == {gone.id}, _SILENT_S, "a meter to be silent")
        wait_until(
            lambda: gone.id not in self._meters("smartmeter_gateway_net_power_watts"),
            _PAGES_S,
            "the end of a silent meter's series",
        )
        ages = self._query(f'smartmeter_gateway_reading_age_seconds{{meter="{gone.id}"}} >= 10')
        hold(len(ages) == 1, "the age of a silent meter's reading is missing")
        yield "a meter that was switched off has no values any more, but an age"

        wait_until(
            lambda: {a for a, meter in self._alerts() if meter == gone.id} == _SILENT_ALERTS,
            _SILENT_S,
            "the alerts of a silent meter",
        )
        others = {alert for alert, meter in self._alerts() if meter != gone.id}
        # the demo's meters are serial ports, and one that ends takes its port with it
        hold(others <= {"SmartmeterLinkDown"}, f"more alerts than expected: {others}")
        yield f"alerts: {', '.join(sorted(_SILENT_ALERTS | others))}"

    # Asking Prometheus

    def _ask(self, path: str, **parameters: str) -> Any:
        query = urllib.parse.urlencode(parameters)
        url = f"http://127.0.0.1:{self._prometheus}/api/v1/{path}?{query}"
        with urllib.request.urlopen(url, timeout=10) as answer:
            return json.load(answer)["data"]

    def _query(self, query: str) -> list[Any]:
        found: list[Any] = self._ask("query", query=query)["result"]
        return found

    def _meters(self, query: str) -> set[str]:
        return {series["metric"]["meter"] for series in self._query(query)}

    def _alerts(self) -> set[tuple[str, str]]:
        """(name, meter) of those that are pending or fire."""
        found = self._ask("alerts")["alerts"]
        return {(a["labels"]["alertname"], a["labels"].get("meter", "")) for a in found}

    def _up(self) -> set[str]:
        try:
            return {series["metric"]["job"] for series in self._query("up == 1")}
        except OSError:
            return set()  # it has not started yet

    def _evaluated(self, number: int) -> bool:
        rules = [r for g in self._ask("rules")["groups"] for r in g["rules"]]
        hold(not [r for r in rules if r["health"] == "err"], f"rules that fail: {rules}")
        return sum(r["health"] == "ok" for r in rules) == number > 0

    # Making its files

    def _secret(self, name: str) -> str:
        path = self._folder / name
        path.touch(0o600)
        path.write_text(secrets.token_hex(12))
        return path.read_text()

    def _append(self, name: str, text: str) -> None:
        with (self._chain.folder / name).open("a") as file:
            file.write(text)

    def _configuration(self) -> Path:
        """The file of docs/prometheus with this chain's addresses and files, and a faster pace."""
        made = subprocess.run(
            [sys.executable, "-m", "smartmeter_cloud", "key", "prometheus", "--scope", "metrics"]
            + ["--config", str(self._chain.folder / "cloud.toml")],
            capture_output=True,
            text=True,
        )
        hold(made.returncode == 0, f"no key for Prometheus: {made.stderr}")
        self._key = made.stdout.split()[-1]
        (self._folder / "cloud.key").write_text(self._key)
        page = self._chain.folder / "page.crt"
        wait_until(page.exists, _PAGES_S, "the page's certificate")
        shutil.copy(page, self._folder)
        shutil.copy(_DOCS / "alerts.yml", self._folder)
        settings = yaml.safe_load((_DOCS / "prometheus.yml").read_text())
        settings["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
        targets = {
            "smartmeter-gateway": self._page,
            "smartmeter-cloud": self._chain.page_port,
            "smartmeter-cloud-ingest": self._ingest,
        }
        for job in settings["scrape_configs"]:
            job["static_configs"][0]["targets"] = [f"localhost:{targets[job['job_name']]}"]
            if job["job_name"] == "smartmeter-cloud":
                del job["scheme"]  # the demo's api has no certificate
        path = self._folder / "prometheus.yml"
        path.write_text(yaml.safe_dump(settings))
        return path

    def _command(self, config: Path) -> list[str]:
        return [
            program("prometheus"),
            f"--config.file={config}",
            f"--storage.tsdb.path={self._folder / 'tsdb'}",
            f"--web.listen-address=127.0.0.1:{self._prometheus}",
        ]

    def _pages(self) -> dict[str, bytes]:
        context = ssl.create_default_context(cafile=str(self._folder / "page.crt"))
        login = base64.b64encode(f"home:{self._password}".encode()).decode()
        found = {}
        for url, authorization in (
            (f"https://localhost:{self._page}/metrics", f"Basic {login}"),
            (f"{self._chain.page}metrics", f"Bearer {self._key}"),
            (f"http://localhost:{self._ingest}/metrics", ""),
        ):
            request = urllib.request.Request(url, headers={"Authorization": authorization})  # noqa: S310
            tls = context if url.startswith("https") else None
            with urllib.request.urlopen(request, timeout=10, context=tls) as answer:  # noqa: S310
                found[url] = answer.read()
        return found
