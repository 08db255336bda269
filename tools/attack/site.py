"""The chain under attack: household h1 is honest, h2's Concentrator is in the attacker's hands.

h1 has a real Concentrator with an embedded LAN broker. On its LAN are an honest adapter, which
sends a reading every second, and one that the attacker controls. The Cloud is `serve` with TLS,
keys, an OpenID Connect issuer that never answers, and its embedded broker or mosquitto.
"""

import json
import os
import secrets
import socket
import sqlite3
import ssl
import sys
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from paho.mqtt.client import MQTTMessageInfo
from smartmeter.wire import topics
from smartmeter_cloud.api.keys import new_key
from smartmeter_cloud.pki.authority import Authority
from smartmeter_cloud.store.sqlite import SqliteStore
from smartmeter_gateway.provisioning import broker_acl
from smartmeter_gateway.provisioning.est_client import Identity, enroll

from tools.attack.client import Client, Login, RawConcentrator, document, eventually
from tools.chain.box import Box, wait_until
from tools.environment.mosquitto import Mosquitto, free_port
from tools.meters import forms

HONEST, GUEST, EVIL = "house-a", "house-c", "house-b"  # Concentrators of h1, h1 and h2
METER = "0c9a1c52-7b2e-4f6e-9a43-2f1f4b8f6a01"  # the honest adapter's
NEIGHBOUR = "5d1f0c0e-0d0f-4c0b-8f3e-1f7c2a9b6d02"  # the attacker's adapter on h1's LAN
CIPHERED = "7b0a3f5e-51d4-4c0f-9d54-0b7f1c3d5e03"  # its telegrams are forwarded unopened
FORM = "landis-gyr-e450"  # authenticated and encrypted
_START_S = 60.0


class Honest(threading.Thread):
    """The honest adapter: a reading every second, each with its own seq."""

    def __init__(self, client: Client) -> None:
        super().__init__(name="honest adapter", daemon=True)
        self.client = client
        self.seq = 0
        self._sent: dict[int, MQTTMessageInfo] = {}
        self._ending = threading.Event()

    def run(self) -> None:
        while not self._ending.wait(1):
            self.seq += 1
            payload = document(self.seq, time.time())
            topic = topics.meter(METER, topics.READING)
            self._sent[self.seq] = self.client.publish(topic, payload)

    def acknowledged(self) -> set[int]:
        """The seq of each reading that the Concentrator has acknowledged."""
        return {seq for seq, info in list(self._sent.items()) if _is_published(info)}

    def stop(self) -> None:
        self._ending.set()
        self.join()


class Site:
    """The running chain. mosquitto: the Cloud's broker is mosquitto, otherwise the embedded one."""

    def __init__(self, folder: Path, mosquitto: bool) -> None:
        self.folder = folder.resolve()
        self.folder.mkdir(parents=True, exist_ok=True)
        self.mosquitto: Mosquitto | None = None
        self.authority = Authority(self.folder / "authority", 90)
        for name, hosts in (
            ("page", ("localhost", "127.0.0.1")),
            ("broker", ("localhost",)),
            ("ingest", ()),
        ):
            self.authority.issue_files(name, hosts, 30)
        self.ca = self.folder / "authority" / "ca.crt"
        self.context = ssl.create_default_context(cafile=self.ca)
        self.broker_port, self.page_port, self.lan_port, self.local_port = (
            free_port() for _ in range(4)
        )
        self.passwords = {u: secrets.token_urlsafe(16) for u in (METER, NEIGHBOUR, CIPHERED)}
        # It leaves clients waiting: it accepts connections and says nothing.
        self._issuer = socket.create_server(("127.0.0.1", 0))
        self.database = self.folder / "smartmeter.sqlite"
        self._configure_cloud(mosquitto)
        self._configure_concentrator()
        self.cloud = self._box("serve", "smartmeter_cloud", self.folder / "cloud.toml")
        self.concentrator = self._box("run", "smartmeter_gateway", self.folder / "gateway.toml")

    def _box(self, command: str, module: str, config: Path) -> Box:
        return Box(
            module,
            [sys.executable, "-m", module, command, "--config", str(config)],
            self.folder / f"{module}.log",
        )

    def _secret(self, name: str, text: str) -> str:
        with open(os.open(self.folder / name, os.O_WRONLY | os.O_CREAT, 0o600), "w") as f:
            f.write(text + "\n")
        return name

    def _configure_cloud(self, mosquitto: bool) -> None:
        folder = self.folder / "authority"
        if mosquitto:
            files = self.ca, folder / "broker.crt", folder / "broker.key"
            inner = free_port()
            self.mosquitto = Mosquitto(
                self.folder / "mosquitto",
                port=self.broker_port,
                tls=files,
                client_certificates=True,
                rules=broker_acl.mosquitto("ingest").splitlines(),
                settings=[
                    "use_username_as_clientid true",
                    f"crlfile {folder / 'crl.pem'}",
                    "max_packet_size 2000000",
                    "max_inflight_messages 2000",
                    f"listener {inner} 127.0.0.1",
                    *(
                        f"{n} {p}"
                        for n, p in zip(("cafile", "certfile", "keyfile"), files, strict=True)
                    ),
                    "require_certificate true",
                    "use_identity_as_username true",
                ],
            )
            broker = (
                f'host = "localhost"\nport = {inner}\nca = "authority/ca.crt"\n'
                'certificate = "authority/ingest.crt"\nkey = "authority/ingest.key"\n'
            )
        else:
            password = self._secret("concentrator.password", secrets.token_urlsafe(16))
            broker = (
                f'embedded = true\nport = {self.broker_port}\npassword_file = "{password}"\n'
                'certificate = "authority/broker.crt"\nkey = "authority/broker.key"\n'
                'client_ca = "authority/ca.crt"\n'
            )
        (self.folder / "cloud.toml").write_text(
            f"[broker]\n{broker}[http]\nport = {self.page_port}\n"
            'certificate = "authority/page.crt"\nkey = "authority/page.key"\n'
            f'[oidc]\nissuer = "https://127.0.0.1:{self._issuer.getsockname()[1]}"\n'
            'audience = "meters"\n'
        )

    def _configure_concentrator(self) -> None:
        users = "".join(f"{user}:{password}\n" for user, password in self.passwords.items())
        key = self._secret("meter.key", forms.default_key(FORM).hex())
        auth_key = self._secret("meter.auth", forms.default_auth_key(FORM).hex())
        (self.folder / "gateway.toml").write_text(
            f'concentrator = "{HONEST}"\n'
            f"[lan]\nembedded = true\nport = {self.lan_port}\n"
            f'users_file = "{self._secret("lan-users", users.strip())}"\n'
            f'[cloud]\nhost = "localhost"\nport = {self.broker_port}\nca = "authority/ca.crt"\n'
            f'certificate = "{HONEST}.crt"\nkey = "{HONEST}.key"\nresend_after = 5\n'
            f"[http]\nport = {self.local_port}\n"
            f'[[meter]]\nid = "{CIPHERED}"\nkey_file = "{key}"\nauth_key_file = "{auth_key}"\n'
        )

    # Running it

    def start(self) -> "Site":
        """Returns when the honest adapter's first reading is stored. TimeoutError."""
        if self.mosquitto:
            self.mosquitto.start()
        self.cloud.start()
        self.log_says(self.cloud, "the page is at")
        self.log_says(self.cloud, "connected to the broker")
        self.admin = self.key("admin", "admin metrics", None)
        self.honest_key = self.key("h1", "read", "h1")
        self.evil_key = self.key("h2", "read delete aggregate", "h2")
        for name, household in ((HONEST, "h1"), (GUEST, "h1"), (EVIL, "h2")):
            self.enroll(name, household)
        self.concentrator.start()
        self.log_says(self.concentrator, f"Concentrator {HONEST} runs")
        self.honest = Honest(self.adapter(METER))
        self.honest.start()
        wait_until(lambda: bool(self.stored(METER)), _START_S, "the first reading")
        return self

    def stop(self) -> None:
        if hasattr(self, "honest"):
            self.honest.stop()
            self.honest.client.stop()
        self.concentrator.stop()
        self.cloud.stop()
        if self.mosquitto:
            self.mosquitto.stop()
        self._issuer.close()

    def __enter__(self) -> "Site":
        try:
            return self.start()
        except BaseException:
            self.stop()
            raise

    def __exit__(self, *_: object) -> None:
        self.stop()

    def log_says(self, box: Box, text: str) -> None:
        wait_until(lambda: text in box.log.read_text(errors="replace"), _START_S, text)

    # Keys and certificates

    def key(self, name: str, scopes: str, household: str | None) -> str:
        key, text = new_key(name, scopes, household, None)
        store = SqliteStore(self.database)
        try:
            store.add_key(key)
        finally:
            store.close()
        return text

    def enroll(self, name: str, household: str) -> Login:
        """Invites a Concentrator and gets its certificate; returns its login."""
        path = f"v1/concentrators/{name}/invitations"
        status, answer = self.call("POST", path, self.admin, {"household": household})
        if status != 200:
            raise RuntimeError(f"{name} cannot be invited: {answer}")
        enroll(self.identity(name), answer["token"], self.folder / f"{name}-ca.crt")
        return self.login(name)

    def identity(self, name: str) -> Identity:
        certificate, key = self.folder / f"{name}.crt", self.folder / f"{name}.key"
        return Identity(name, f"https://localhost:{self.page_port}", certificate, key, self.ca)

    def login(self, name: str) -> Login:
        return Login(files=(self.ca, self.folder / f"{name}.crt", self.folder / f"{name}.key"))

    def evil(self) -> RawConcentrator:
        return RawConcentrator(EVIL, self.broker_port, self.login(EVIL))

    def guest(self) -> RawConcentrator:
        """An honest Concentrator of h1 whose answers can be looked at."""
        return RawConcentrator(GUEST, self.broker_port, self.login(GUEST))

    def adapter(self, user: str) -> Client:
        return Client(self.lan_port, Login(user, self.passwords[user]))

    # What can be seen

    def call(
        self,
        method: str,
        path: str,
        key: str | None = None,
        body: Any = None,
        seconds: float = 20,
        **headers: str,
    ) -> tuple[int, Any]:
        """(status, document or text); status 0 if there was no answer in time."""
        data = body if isinstance(body, bytes) else None
        if body is not None and data is None:
            data = json.dumps(body).encode()
        if key:
            headers["Authorization"] = f"Bearer {key}"
        headers = {"Content-Type": "application/json"} | {
            name.replace("_", "-"): value for name, value in headers.items()
        }
        request = urllib.request.Request(
            f"https://127.0.0.1:{self.page_port}/{path}", data, headers, method=method
        )
        try:
            opened = urllib.request.urlopen(request, timeout=seconds, context=self.context)  # noqa: S310
            with opened as answer:
                return answer.status, _document(answer.read())
        except urllib.error.HTTPError as refused:
            return refused.code, _document(refused.read())
        except OSError as why:
            return 0, str(why)

    def local(self) -> dict[str, Any]:
        """The Concentrator's own status."""
        url = f"http://127.0.0.1:{self.local_port}/status"
        with urllib.request.urlopen(url, timeout=20) as answer:
            found: dict[str, Any] = json.loads(answer.read())
            return found

    def rows(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        connection = sqlite3.connect(f"file:{self.database}?mode=ro", uri=True, timeout=20)
        try:
            return connection.execute(sql, values).fetchall()
        finally:
            connection.close()

    def stored(self, meter: str) -> list[int]:
        """The seq of each stored reading of a meter."""
        sql = (
            "SELECT r.seq FROM reading r JOIN meter m ON m.id = r.meter WHERE m.name = ? ORDER BY 1"
        )
        return [row[0] for row in self.rows(sql, meter)]

    def memory_mb(self, box: Box) -> float:
        """Resident memory."""
        text = Path(f"/proc/{box.pid}/status").read_text()
        return int(text.split("VmRSS:")[1].split()[0]) / 1024

    def open_files(self, box: Box) -> int:
        return len(os.listdir(f"/proc/{box.pid}/fd"))

    def delay_s(self, patience: float = 60.0) -> float | None:
        """How long the honest adapter's next reading needs to the store; None if it is missing."""
        wanted = self.honest.seq + 1
        if not eventually(lambda: self.honest.seq >= wanted, 10):
            return None
        start = time.monotonic()
        if not eventually(lambda: wanted in self.stored(METER), patience):
            return None
        return time.monotonic() - start


def _is_published(info: MQTTMessageInfo) -> bool:
    try:
        return bool(info.is_published())
    except (RuntimeError, ValueError):  # it was published while there was no connection
        return False


def _document(data: bytes) -> Any:
    try:
        return json.loads(data)
    except ValueError:
        return data.decode(errors="replace")
