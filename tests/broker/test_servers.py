"""Strangers at the embedded broker stop neither a Concentrator nor `smartmeter-cloud serve`."""

import json
import socket
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cloud import harness as of_cloud
from tests.gateway import harness as of_gateway
from tests.gateway.harness import Adapter, eventually, reading
from tools.certificates import Authority
from tools.environment.mosquitto import free_port

Attackers = Callable[[int], socket.socket]


def with_usual_limit(module: str) -> list[str]:
    """What Python runs: the module, with the 1024 open files that most systems give."""
    limit = "resource.setrlimit(resource.RLIMIT_NOFILE, (1024, 1024))"
    run = f"runpy.run_module({module!r}, run_name='__main__', alter_sys=True)"
    return ["-c", f"import resource, runpy; {limit}; {run}"]


def ask(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=30) as answer:
        return json.loads(answer.read())


def secret(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o600)


@pytest.fixture
def concentrator(tmp_path: Path) -> Any:
    process = of_gateway.Process(tmp_path / "gateway.toml")
    process.program = with_usual_limit("smartmeter_gateway")
    yield process
    process.kill()


def test_a_concentrator_goes_on(
    concentrator: of_gateway.Process, tmp_path: Path, attackers: Attackers
) -> None:
    secret(tmp_path / "users", "adapter:test-secret")
    page = free_port()
    concentrator.config.write_text(
        'concentrator = "home"\n[lan]\nembedded = true\nport = 0\nusers_file = "users"\n'
        f"[http]\nport = {page}\n"
    )
    concentrator.start().says("LAN broker: connected")
    port = int(concentrator.said.partition("listens on 127.0.0.1:")[2].split()[0])
    held = [attackers(port) for _ in range(1050)]
    with Adapter(port, user="adapter", password="test-secret") as adapter:
        adapter.publish_and_wait("m1", reading(1))
        status = f"http://127.0.0.1:{page}/status"
        eventually(lambda: ask(status)["meters"].get("m1", {}).get("readings") == 1)
        for sock in held:
            sock.close()
        adapter.publish_and_wait("m1", reading(2))
        eventually(lambda: ask(status)["meters"]["m1"]["readings"] == 2)
    assert len(concentrator.said) < 10_000
    assert concentrator.stop() == 0


def test_serve_goes_on(tmp_path: Path, attackers: Attackers, authority: Authority) -> None:
    secret(tmp_path / "password", "test-secret")
    certificate, key = authority.issue("cloud-broker", ("localhost",))
    port = free_port()
    config = tmp_path / "cloud.toml"
    config.write_text(
        f'[broker]\nembedded = true\nport = {port}\npassword_file = "password"\n'
        f'certificate = "{certificate}"\nkey = "{key}"\n[http]\nport = 0\naccess = "open"\n'
    )
    process = of_cloud.Process("serve", config, program=with_usual_limit("smartmeter_cloud"))
    try:
        process.says("connected to the broker")
        held = [attackers(port) for _ in range(1050)]
        house = of_cloud.Concentrator(
            "house-1",
            port,
            user="concentrator",
            password="test-secret",
            ca=authority.certificate_path,
        )
        house.send("m1", reading(1))
        house.all_receipted()
        house.stop()
        (meter,) = process.get("v1/meters")
        assert meter["newest"]["seq"] == 1
        assert len(held) == 1050
        assert len(process.said) < 10_000
        assert process.stop() == 0
    finally:
        process.kill()
