"""Cloud and Concentrator as a person sets them up: init, serve, invite, enroll, check, run."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cloud.harness import Process, eventually
from tests.gateway.harness import Adapter, reading
from tools.environment.mosquitto import free_port


def typed(program: str, *arguments: object, stdin: str = "") -> str:
    done = subprocess.run(
        [sys.executable, "-m", program, *map(str, arguments)],
        input=stdin,
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(params=["127.0.0.1", "0.0.0.0"])
def cloud(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    """The settings of a Cloud that runs: for this machine only, or for the network."""
    config = tmp_path / "cloud" / "cloud.toml"
    answers = [
        f"broker.listen={request.param}", f"broker.port={free_port()}",
        f"http.host={request.param}", f"http.port={free_port()}",
    ]  # fmt: skip
    if request.param == "0.0.0.0":
        answers.append("http.name=localhost")
    named = [part for answer in answers for part in ("--set", answer)]
    typed("smartmeter_cloud", "init", "--config", config, *named)
    process = Process("serve", config)
    process.says("connected to the broker")
    yield config
    process.kill()


def test_a_line_from_the_cloud_is_all_that_a_concentrator_needs(
    cloud: Path, tmp_path: Path
) -> None:
    assert "the running `serve` listens there" in typed(
        "smartmeter_cloud", "check", "--config", cloud
    )
    home = tmp_path / "home" / "gateway.toml"
    port = free_port()
    typed("smartmeter_gateway", "init", "--config", home, "--set", "lan.embedded=yes",
          "--set", "concentrator=home-1")  # fmt: skip
    text = home.read_text().replace("embedded = true", f"embedded = true\nport = {port}")
    home.write_text(text + f"\n[http]\nport = {free_port()}\n")
    said = typed("smartmeter_cloud", "invite", "home-1", "--config", cloud)
    line = re.findall(r"smartmeter-invite\S+", said)[0]
    typed("smartmeter_gateway", "enroll", "--config", home, stdin=line + "\n")
    assert home.read_text().count("[cloud]") == 1
    assert "cloud broker" in typed("smartmeter_gateway", "check", "--config", home)
    running = subprocess.Popen(
        [sys.executable, "-m", "smartmeter_gateway", "run", "--config", str(home)],
        stderr=subprocess.DEVNULL,
    )
    try:
        password = (home.parent / "lan.users").read_text().strip().partition(":")[2]
        eventually(lambda: not subprocess.run(
            [sys.executable, "-m", "smartmeter_gateway", "status", "--config", str(home)],
            capture_output=True).returncode)  # fmt: skip
        with Adapter(port, user="adapter", password=password) as adapter:
            adapter.publish_and_wait("m1", reading(1))
        eventually(
            lambda: (
                "m1" in typed("smartmeter_cloud", "export", "--form", "jsonl", "--config", cloud)
            )
        )
    finally:
        running.terminate()
        running.wait(30)
