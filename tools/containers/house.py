"""Runs both compose files with podman-compose, and sends a reading from a house to the Cloud.

    python -m tools.containers.house STORAGE BASE

make containers runs this where podman is on the PATH, in a network of its own.
"""

import json
import os
import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import paho.mqtt.client as paho

from tools.containers.images import Failed, run
from tools.environment.prepare import REPOSITORY

HOST = "192.0.2.1"  # of documentation (RFC 5737); an address of this network alone
CLOUD = REPOSITORY / "cloud/deploy/compose.yaml"
CONCENTRATOR = REPOSITORY / "gateway/compose.yaml"
HOUSE, METER, PASSWORD = "house-1", "meter-1", "adapter-of-a-test"
_SECONDS = 180  # a start on a busy machine with two cores takes one
_NAMES = {"cloud": CLOUD, "concentrator": CONCENTRATOR}


def compose(project: str, *arguments: str, stdin: str | None = None) -> str:
    """What podman-compose prints. Raises Failed."""
    # A container ends with this process's namespaces, whatever happens.
    argv = [sys.executable, "-m", "podman_compose", "--in-pod=false", "--project-name", project]
    return run(*argv, "--file", str(_NAMES[project]), *arguments, stdin=stdin)


def inside(project: str, service: str, *argv: str, stdin: str | None = None) -> str:
    return run("podman", "exec", "-i", f"{project}_{service}_1", *argv, stdin=stdin)


def eventually(what: str, holds: Callable[[], object]) -> None:
    """Raises Failed."""
    end = time.monotonic() + _SECONDS
    while True:
        try:
            if holds():
                return
            why = ""
        except (Failed, OSError, ValueError, LookupError) as reason:
            why = f": {reason}"
        if time.monotonic() > end:
            raise Failed(f"{what} did not come about within {_SECONDS} s{why}")
        time.sleep(1)


def is_healthy(container: str) -> bool:
    done = subprocess.run(["podman", "healthcheck", "run", container], capture_output=True)
    return done.returncode == 0


def one_machine() -> Iterator[str]:
    """cloud/deploy/compose.yaml: broker, Cloud, PostgreSQL and Prometheus."""
    run("ip", "address", "add", f"{HOST}/32", "dev", "lo")
    os.environ["SMARTMETER_HOST"] = HOST
    compose("cloud", "up", "--detach", "--no-build")
    for service in ("store", "cloud"):
        eventually(f"the health of {service}", lambda s=service: is_healthy(f"cloud_{s}_1"))
    yield "the Cloud is healthy, with PostgreSQL and mosquitto"
    users = {name: inside("cloud", name, "id", "-u").strip() for name in ("broker", "cloud")}
    if users != {"broker": "1883", "cloud": "10001"}:
        raise Failed(f"they should run as users of their own, and do as {users}")
    readable = subprocess.run(
        ["podman", "exec", "cloud_broker_1", "cat", "/etc/smartmeter-cloud/authority/ca.key"],
        capture_output=True,
    )
    if readable.returncode == 0:
        raise Failed("the broker can read the key of the CA")
    yield "none of them is root, and the broker cannot read the key of the CA"
    log = run("podman", "logs", "cloud_cloud_1")
    if f"https://{HOST}:8443/#login=" not in log:
        raise Failed(f"the log has no link to log in with:\n{log[-500:]}")
    yield "the log has the link to log in with"


def concentrator() -> Iterator[str]:
    """gateway/compose.yaml, which joins that Cloud and takes a reading from an adapter."""
    answers = ["concentrator=" + HOUSE, "lan.embedded=yes"]
    options = [option for answer in answers for option in ("--set", answer)]
    compose(
        "concentrator", "run", "--rm", "-T", "concentrator", "init", *options, "--secrets", "-",
        stdin=f"lan.password={PASSWORD}\n",
    )  # fmt: skip
    yield "init in a container has written the settings to the volume"
    settings = "/etc/smartmeter-cloud/cloud.toml"
    said = inside("cloud", "cloud", "smartmeter-cloud", "invite", HOUSE, "--config", settings)
    compose(
        "concentrator", "run", "--rm", "-T", "concentrator", "enroll",
        stdin=said.splitlines()[-1] + "\n",
    )  # fmt: skip
    yield "enroll has joined the Cloud by the line of invite"
    compose("concentrator", "up", "--detach", "--no-build")
    eventually("its health", lambda: is_healthy("concentrator_concentrator_1"))
    user = inside("concentrator", "concentrator", "id", "-u").strip()
    if user != "10001":
        raise Failed(f"the Concentrator runs as user {user}")
    yield "the Concentrator is healthy, and runs as a user of its own"
    publish()

    def stored() -> bool:
        command = ["smartmeter-cloud", "export", "--config", settings, "--form", "jsonl"]
        return "421" in inside("cloud", "cloud", *command)

    eventually("the reading in PostgreSQL", stored)
    yield "a reading has come from an adapter to PostgreSQL"
    compose("concentrator", "down")
    compose("concentrator", "up", "--detach", "--no-build")
    eventually("its health", lambda: is_healthy("concentrator_concentrator_1"))
    yield "it has its settings and certificate after `down` and `up`"


def publish() -> None:
    """One reading, as an adapter publishes it. Raises Failed."""
    client = paho.Client(paho.CallbackAPIVersion.VERSION2, client_id="adapter")
    client.username_pw_set("adapter", PASSWORD)
    client.connect("127.0.0.1", 1883)
    client.loop_start()
    now = datetime.now(UTC).isoformat(timespec="seconds")
    reading = {"time": now, "clock": "meter", "seq": 1, "auth": "none", "values": {"1.7.0": 421}}
    sent = client.publish(f"smartMeterMessage/{METER}/reading", json.dumps(reading), qos=1)
    sent.wait_for_publish(30)
    if not sent.is_published():
        raise Failed("the Concentrator's broker did not acknowledge a reading")
    client.disconnect()
    client.loop_stop()


def prometheus() -> Iterator[str]:
    def scraped() -> bool:
        query = "http://127.0.0.1:9090/api/v1/query?query=smartmeter_cloud_stored_readings_total"
        with urllib.request.urlopen(query, timeout=10) as answer:
            return bool(json.load(answer)["data"]["result"][0]["value"][1] != "0")

    eventually("the metrics in Prometheus", scraped)
    yield "Prometheus has the Cloud's metrics, by a key that reads nothing else"


def main() -> int:
    try:
        for part in (one_machine, concentrator, prometheus):
            for line in part():
                print(f"  {line}", flush=True)
    except Failed as why:
        print(f"containers: {why}", file=sys.stderr)
        for name in run("podman", "ps", "--all", "--format", "{{.Names}}").split():
            done = subprocess.run(["podman", "logs", "--tail", "15", name], capture_output=True)
            said = (done.stdout + done.stderr).decode(errors="replace")
            print(f"-- {name}\n{re.sub('login=.*', 'login=...', said)}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
