"""A bug in any thread is seen, and the Cloud goes on or ends so that it is restarted.

tests/service/test_every_thread.py holds that no thread is missing here.
"""

import json
import time
import urllib.request
from pathlib import Path

import pytest
from smartmeter_cloud.pki.authority import Authority
from smartmeter_service.threads import EXIT_STATUS

from tests.cloud.api.test_access import Issuer
from tests.cloud.api_process import Site, call
from tests.cloud.conftest import Cloud
from tests.cloud.harness import Concentrator, Process, command, eventually, reading
from tests.service import faulty

WRITER = "smartmeter_cloud.store.sqlite:SqliteStore.write"
UPKEEP = "smartmeter_cloud.history.upkeep:Upkeep._roll"
INGEST = "smartmeter_cloud.ingest.consumer:Ingest._gather"
METRICS = "socketserver:BaseServer.service_actions"
LIST = "smartmeter_cloud.pki.enrolment:Enrolment.refresh"
LIVE = "smartmeter_cloud.api.live:Live._take"
BROKER = "amqtt.broker:Broker._run_broadcast"
ISSUER = "smartmeter_cloud.auth.issuer_keys:_get"
BUG = "LookupError: a bug that a test put in"


def start(cloud: Cloud, name: str, target: str) -> tuple[Process, Path]:
    """The process with a bug in target, and what to touch so that it shows."""
    trigger = cloud.folder / "trigger"
    return cloud.start(name, faulty.program(target, trigger, "smartmeter_cloud")), trigger


def metrics(ingest: Process) -> str:
    ingest.says("metrics are at ")
    url = next(line for line in ingest.said.splitlines() if "metrics are at" in line).split()[-1]
    with urllib.request.urlopen(url, timeout=60) as answer:
        return str(answer.read().decode())


@pytest.mark.parametrize(("target", "thread"), [(UPKEEP, "upkeep"), (METRICS, "metrics")])
def test_ingest_goes_on(cloud: Cloud, target: str, thread: str) -> None:
    cloud.config.write_text(cloud.config.read_text() + "[metrics]\nport = 0\n")
    ingest, trigger = start(cloud, "ingest", target)
    ingest.says("connected to the broker")
    house = cloud.concentrator()
    house.send("m1", reading(1, time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())))
    house.all_receipted()
    trigger.touch()
    counted = f'smartmeter_cloud_ingest_faults_total{{thread="{thread}"}} 1.0'
    eventually(lambda: counted in metrics(ingest))
    ingest.says(BUG)
    told = f"an unexpected error in {thread}, which continues"
    eventually(lambda: told in command("status", "--config", str(cloud.config)).out)
    house.send("m1", reading(2))
    house.all_receipted()
    if target == UPKEEP:  # what it should have rolled up when the bug came
        eventually(lambda: cloud.rows("SELECT count(*) FROM rollup") > [(0,)])


@pytest.mark.parametrize(
    ("name", "target", "thread"),
    [("ingest", WRITER, "writer"), ("serve", INGEST, "ingest"), ("ingest", INGEST, None)],
)
def test_the_process_ends_and_nothing_is_lost(
    cloud: Cloud, name: str, target: str, thread: str | None
) -> None:
    """thread None: the main thread, whose traceback Python itself writes."""
    process, trigger = start(cloud, name, target)
    process.says("connected to the broker")
    house = cloud.concentrator()
    trigger.touch()
    house.send("m1", reading(1))
    assert process.process is not None
    assert process.process.wait(60) == (EXIT_STATUS if thread else 1)
    assert not thread or f"{thread}: an unexpected error of this program; it ends" in process.said
    assert BUG in process.said
    process.start()  # as a supervisor does
    house.all_receipted()
    assert cloud.rows() == [(1,)]


def test_the_embedded_broker_ends_the_process(cloud: Cloud) -> None:
    (cloud.folder / "password").write_text("test-secret")
    (cloud.folder / "password").chmod(0o600)
    cloud.config.write_text(
        '[broker]\nembedded = true\nport = 0\npassword_file = "password"\n[http]\nport = 0\n'
    )
    process, trigger = start(cloud, "serve", BROKER)
    process.says("connected to the broker")
    trigger.touch()
    port = int(process.said.partition("the broker is at 127.0.0.1:")[2].split()[0])
    house = Concentrator("house-1", port, user="concentrator", password="test-secret")
    try:
        house.send("m1", reading(1))
        house.send("m1", reading(2))
        assert process.process is not None
        assert process.process.wait(60) == EXIT_STATUS
    finally:
        house.stop()
    assert "embedded broker: an unexpected error of this program; it ends" in process.said


def test_the_live_stream_goes_on(tmp_path: Path) -> None:
    trigger = tmp_path / "trigger"
    site = Site(tmp_path, program=faulty.program(LIVE, trigger, "smartmeter_cloud"))
    try:
        site.add("m1", reading(1))
        with urllib.request.urlopen(site.api.address + "v1/live", timeout=60) as stream:
            newest = (
                json.loads(line[6:])[0]["newest"]["seq"]
                for line in stream
                if line.startswith(b'data: [{"id"')
            )
            assert next(newest) == 1
            trigger.touch()
            site.add("m1", reading(2))
            assert 2 in newest
        assert 'smartmeter_cloud_faults_total{thread="live"} 1.0' in site.metrics()
        assert BUG in site.api.said
    finally:
        site.end()


def test_the_revocation_list_is_signed_after_a_fault(tmp_path: Path) -> None:
    folder = tmp_path / "authority"
    Authority(folder, 90).chain()
    (folder / "crl.pem").unlink()
    trigger = tmp_path / "trigger"
    trigger.touch()
    site = Site(tmp_path, program=faulty.program(LIST, trigger, "smartmeter_cloud"))
    try:
        eventually((folder / "crl.pem").exists)
        assert 'smartmeter_cloud_faults_total{thread="revocation list"} 1.0' in site.metrics()
        assert BUG in site.api.said
    finally:
        site.end()


def test_the_issuer_is_asked_again_after_a_fault(tmp_path: Path) -> None:
    issuer = Issuer()
    trigger = tmp_path / "trigger"
    trigger.touch()
    settings = f'[oidc]\nissuer = "{issuer.url}"\naudience = "meters"\n'
    program = faulty.program(ISSUER, trigger, "smartmeter_cloud")
    site = Site(tmp_path, settings, guarded=True, program=program)
    try:
        token = issuer.token(scope="metrics", households="*")
        eventually(lambda: call(site, "GET", "healthz")[0] == 200)
        site.api.says(BUG)
        eventually(lambda: call(site, "GET", "v1/session", key=token)[0] != 503)
        assert 'smartmeter_cloud_faults_total{thread="issuer"} 1.0' in site.metrics()
    finally:
        site.end()
