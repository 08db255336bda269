"""Starts the embedded broker in a process with the usual limit of 1024 open files."""

import fcntl
import json
import os
import resource
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from amqtt.mqtt.connect import ConnectPacket, ConnectPayload, ConnectVariableHeader

from tests.gateway.harness import Client, eventually

_HIGH = 1500  # the clients of the tests use select(), which takes file descriptors below 1024
HERE = Path(__file__).parent
METER_A = "0c9a1c52-7b2e-4f6e-9a43-2f1f4b8f6a01"
METER_B = "5d1f0c0e-0d0f-4c0b-8f3e-1f7c2a9b6d02"
USERS = {METER_A: "secret-a", METER_B: "secret-b", "adapter": "shared", "kitchen": "k"}

# Long enough for a real client on a busy machine, and shorter than a test likes to wait.
WAITS = {"login_s": 3.0, "wrong_s": 0.05, "unread_s": 3.0, "taken_s": 2.0}


class Will(NamedTuple):
    topic: str
    message: bytes
    qos: int = 1
    retain: bool = False


def connect(
    client_id: str,
    user: str | None = None,
    password: str | None = None,
    *,
    clean: bool = True,
    keep_alive: int = 60,
    will: Will | None = None,
) -> bytes:
    """A CONNECT packet. password: by default the user's own."""
    fields = ConnectVariableHeader(keep_alive=keep_alive)
    payload = ConnectPayload(client_id)
    fields.clean_session_flag = clean
    if will:
        fields.will_flag = True
        fields.will_qos, fields.will_retain_flag = will.qos, will.retain
        payload.will_topic, payload.will_message = will.topic, will.message
    if user is not None:
        fields.username_flag = fields.password_flag = True
        payload.username = user
        payload.password = USERS[user] if password is None else password
    return ConnectPacket(variable_header=fields, payload=payload).to_bytes()


class Broker:
    """A running broker: its ports, its log and the open files of its process."""

    def __init__(self, log: Path, files: int, settings: dict[str, Any]) -> None:
        self.log = log

        def limit() -> None:
            resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))

        with log.open("wb") as stderr:
            self.process = subprocess.Popen(
                [sys.executable, str(HERE / "broker_process.py"), json.dumps(settings)],
                stdout=subprocess.PIPE,
                stderr=stderr,
                preexec_fn=limit,
            )
        assert self.process.stdout is not None
        said = json.loads(self.process.stdout.readline())
        self.port: int = said["port"]
        self.local_port: int = said["local_port"]
        self.inside = {"user": said["local_user"], "password": said["local_password"]}

    @property
    def open_files(self) -> int:
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def has_closed_all(self, before: int) -> None:
        eventually(lambda: self.open_files <= before)

    def client(self, user: str, **more: Any) -> Client:
        return Client(self.port, user=user, password=USERS[user], **more)

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(30)
        assert self.process.stdout is not None
        self.process.stdout.close()


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Callable[..., Broker]]:
    made: list[Broker] = []

    def start(files: int = 1024, **settings: Any) -> Broker:
        log = tmp_path / f"broker-{len(made)}.log"
        made.append(Broker(log, files, {"users": USERS, "waits": WAITS, **settings}))
        return made[-1]

    yield start
    for one in made:
        one.stop()


@pytest.fixture
def attackers() -> Iterator[Callable[[int], socket.socket]]:
    """Opens connections; the test's own limit of open files is raised for them."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 8192), hard))
    made: list[socket.socket] = []

    def connect(port: int) -> socket.socket:
        with socket.create_connection(("127.0.0.1", port), 60) as sock:
            high = fcntl.fcntl(sock, fcntl.F_DUPFD_CLOEXEC, _HIGH)
        made.append(socket.socket(fileno=high))
        made[-1].settimeout(60)
        return made[-1]

    yield connect
    for sock in made:
        sock.close()
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


class Listening:
    """Subscribes, and keeps what arrives: (topic, payload)."""

    def __init__(self, client: Client, *filters: str) -> None:
        self.got: list[tuple[str, bytes]] = []
        self.codes: list[Any] = []
        client.client.on_message = lambda c, u, m: self.got.append((m.topic, m.payload))
        client.client.on_subscribe = lambda c, u, mid, codes, p: self.codes.extend(codes)
        client.client.subscribe([(f, 1) for f in filters])
        eventually(lambda: len(self.codes) == len(filters))

    def topics(self) -> list[str]:
        return [topic for topic, _ in self.got]
