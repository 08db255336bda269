"""The demo's chain: three virtual meters, the adapter's board, two brokers, Concentrator, Cloud.

Everything it makes (certificates, keys, settings, spool, store, logs) lies in
one folder. The same object serves `make demo` and the tests of the chain.
"""

import os
import secrets
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from smartmeter.wire import topics

from tools.certificates import Authority
from tools.chain.box import Box, wait_until
from tools.environment.debian import Unavailable
from tools.environment.mosquitto import Mosquitto, free_port
from tools.environment.prepare import program

CONCENTRATOR = "demo-concentrator"
HOSTS = ("localhost", "127.0.0.1")

# The first ports that the demo tries.
LAN_PORT, CLOUD_PORT, PAGE_PORT = 18883, 28883, 8080


@dataclass(frozen=True)
class DemoMeter:
    """A virtual meter of the chain; id is its smartMeterId, form a name of tools.meters."""

    letter: str
    id: str
    form: str
    seed: int
    pv: bool
    baud: int
    parity: str
    keys: tuple[str, ...]


METERS = (
    DemoMeter("a", "kaifa-ma309", "kaifa-ma309", 1, False, 2400, "even", ("key",)),
    DemoMeter(
        "b", "landis-gyr-e450", "landis-gyr-e450", 2, True, 2400, "even", ("key", "auth_key")
    ),
    DemoMeter("c", "sml-infrared", "sml", 3, False, 9600, "none", ()),
)


def has(name: str) -> bool:
    """Whether this machine has a program of tools.environment.prepare."""
    try:
        program(name)
    except Unavailable:
        return False
    return True


class Chain:
    """The boxes in `folder`.

    board: read meter a with the firmware on a virtual board, otherwise by the Concentrator's
    serial intake. embedded: run the brokers within Concentrator and Cloud, if mosquitto is not
    available. any_port: take any free ports instead of the next ones from the usual.
    """

    def __init__(self, folder: Path, board: bool, embedded: bool, any_port: bool = False) -> None:
        self.folder = folder.resolve()
        self.board = board
        self.embedded = embedded
        first = (None, None, None) if any_port else (LAN_PORT, CLOUD_PORT, PAGE_PORT)
        self.lan_port, self.cloud_port, self.page_port = (free_port(p) for p in first)
        for d in ("ports", "keys", "truth", "logs", "board"):
            (self.folder / d).mkdir(parents=True, exist_ok=True)
        self.certificates = Authority(self.folder / "certificates")
        self.database = self.folder / "cloud.sqlite"
        self._passwords = {u: self._secret(u, 24) for u in ("adapter", "concentrator")}
        for meter in METERS:
            for key in meter.keys:
                self._secret(f"{meter.letter}-{key}", 16)
        self.brokers = {} if embedded else self._brokers()
        self.boxes = {
            box.name: box for box in (*self._cloud(), self._concentrator(), *self._meters())
        }

    # What each box needs to know

    def secret_file(self, name: str) -> Path:
        return self.folder / "keys" / name

    def _secret(self, name: str, size: int) -> str:
        """A new secret in a file that only its owner can read; an existing one is kept."""
        path = self.secret_file(name)
        if not path.exists():
            with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as f:
                f.write(secrets.token_hex(size) + "\n")
        return path.read_text().strip()

    def key_file(self, meter: DemoMeter, key: str) -> Path:
        return self.secret_file(f"{meter.letter}-{key}")

    def port_link(self, meter: DemoMeter) -> Path:
        return self.folder / "ports" / f"meter-{meter.letter}"

    def truth(self, meter: DemoMeter) -> Path:
        return self.folder / "truth" / f"meter-{meter.letter}.jsonl"

    def _log(self, name: str) -> Path:
        return self.folder / "logs" / f"{name.replace(' ', '-')}.log"

    @property
    def page(self) -> str:
        return f"http://127.0.0.1:{self.page_port}/"

    def login(self, seconds: float = 60.0) -> str:
        """The page's one-time link, once the Cloud has printed it. TimeoutError."""
        log = self._log("cloud" if self.embedded else "api")
        wait_until(lambda: "#login=" in log.read_text(errors="replace"), seconds, "the page's link")
        words = log.read_text(errors="replace").split()
        return next(word for word in words if "#login=" in word)

    # The boxes

    def _brokers(self) -> dict[str, Mosquitto]:
        ca = self.certificates.certificate_path
        lan = Mosquitto(
            self.folder / "lan-broker",
            port=self.lan_port,
            users=self._passwords,
            tls=(ca, *self.certificates.issue("lan-broker", HOSTS)),
            rules=[
                "user adapter",
                f"topic write {topics.ALL_METERS}",
                "user concentrator",
                f"topic read {topics.ALL_METERS}",
                f"topic write concentrator/{CONCENTRATOR}/#",
            ],
        )
        cloud = Mosquitto(
            self.folder / "cloud-broker",
            port=self.cloud_port,
            tls=(ca, *self.certificates.issue("cloud-broker", HOSTS)),
            client_certificates=True,
            rules=[
                "user cloud",
                f"topic read {topics.ALL_CONCENTRATORS}",
                "topic write cloud/+/#",
                "pattern write concentrator/%u/#",
                "pattern read cloud/%u/#",
            ],
        )
        return {"lan broker": lan, "cloud broker": cloud}

    def _write(self, name: str, lines: list[str]) -> Path:
        path = self.folder / name
        path.write_text("\n".join(lines) + "\n")
        return path

    def _cloud(self) -> list[Box]:
        http = ["[store]", f'path = "{self.database}"', "[http]", f"port = {self.page_port}"]
        command = [sys.executable, "-m", "smartmeter_cloud"]
        if self.embedded:
            certificate, key = self.certificates.issue("cloud-broker", HOSTS)
            config = self._write(
                "cloud.toml",
                [
                    "[broker]",
                    "embedded = true",
                    f"port = {self.cloud_port}",
                    f'certificate = "{certificate}"',
                    f'key = "{key}"',
                    'user = "concentrator"',
                    f'password_file = "{self.secret_file("concentrator")}"',
                    *http,
                ],
            )
            return [Box("cloud", [*command, "serve", "--config", str(config)], self._log("cloud"))]
        certificate, key = self.certificates.issue("cloud")
        config = self._write(
            "cloud.toml",
            [
                "[broker]",
                'host = "localhost"',
                f"port = {self.cloud_port}",
                f'ca = "{self.certificates.certificate_path}"',
                f'certificate = "{certificate}"',
                f'key = "{key}"',
                *http,
            ],
        )
        return [
            Box(name, [*command, name, "--config", str(config)], self._log(name))
            for name in ("ingest", "api")
        ]

    def _concentrator(self) -> Box:
        ca = f'ca = "{self.certificates.certificate_path}"'
        login = [
            'user = "concentrator"',
            f'password_file = "{self.secret_file("concentrator")}"',
        ]
        if self.embedded:
            certificate, key = self.certificates.issue("lan-broker", HOSTS)
            users = self.folder / "keys" / "lan-users"
            users.touch(0o600)
            users.write_text("".join(f"{u}:{p}\n" for u, p in self._passwords.items()))
            lan = [
                "embedded = true",
                f"port = {self.lan_port}",
                f'certificate = "{certificate}"',
                f'key = "{key}"',
                f'users_file = "{users}"',
            ]
            cloud = login
        else:
            certificate, key = self.certificates.issue(CONCENTRATOR)
            lan = ['host = "localhost"', f"port = {self.lan_port}", ca, *login]
            cloud = [f'certificate = "{certificate}"', f'key = "{key}"']
        lines = [
            f'concentrator = "{CONCENTRATOR}"',
            "[spool]",
            f'path = "{self.folder / "spool.db"}"',
            "[lan]",
            *lan,
            "[cloud]",
            'host = "localhost"',
            f"port = {self.cloud_port}",
            ca,
            *cloud,
        ]
        for meter in METERS[1:] if self.board else METERS:
            lines += [
                "[[port]]",
                f'device = "{self.port_link(meter)}"',
                f'meter = "{meter.id}"',
                f"baud = {meter.baud}",
                f'parity = "{meter.parity}"',
            ]
            lines += [f'{key}_file = "{self.key_file(meter, key)}"' for key in meter.keys]
        config = self._write("concentrator.toml", lines)
        return Box(
            "concentrator",
            [sys.executable, "-m", "smartmeter_gateway", "run", "--config", str(config)],
            self._log("concentrator"),
        )

    def _meters(self) -> list[Box]:
        boxes = []
        for meter in METERS:
            name = f"meter {meter.letter}"
            command = [sys.executable, "-m", "tools.meters", meter.form]
            command += ["--port-link", str(self.port_link(meter)), "--seed", str(meter.seed)]
            command += ["--truth", str(self.truth(meter))]
            command += ["--pv"] if meter.pv else []
            for key in meter.keys:
                command += [f"--{key.replace('_', '-')}-file", str(self.key_file(meter, key))]
            boxes.append(Box(name, command, self._log(name)))
        return boxes

    # Running it

    def start(self, say: Callable[[str], None]) -> None:
        """Starts every box in an order that loses nothing, from the first telegram on."""
        for name, broker in self.brokers.items():
            say(f"{name}: mosquitto on port {broker.port}")
            broker.start()
        if self.embedded:
            say(f"brokers: embedded (amqtt), on ports {self.lan_port} and {self.cloud_port}")
        for box in self.boxes.values():
            say(f"{box.name}: starting")
            box.start()

    def ended(self) -> list[Box]:
        """Boxes that have ended unexpectedly."""
        return [box for box in self.boxes.values() if not box.running]

    def stop_meters(self) -> None:
        """Lets each meter finish its telegram, so that what it reported was sent completely."""
        for meter in METERS:
            self.boxes[f"meter {meter.letter}"].stop()

    def stop(self) -> None:
        for box in reversed(self.boxes.values()):
            box.stop()
        for broker in self.brokers.values():
            broker.stop()
