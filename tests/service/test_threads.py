"""An unexpected exception never ends a thread silently."""

import subprocess
import sys
import threading
from pathlib import Path

import pytest
from smartmeter_service import threads
from smartmeter_service.threads import EXIT_STATUS, RestartedThread
from smartmeter_service.unexpected_errors import UnexpectedErrors


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "PACE_S", 0.0)


def test_a_restarted_thread_goes_on_and_says_so(caplog: pytest.LogCaptureFixture) -> None:
    faults = UnexpectedErrors()
    runs: list[int] = []

    def work() -> None:
        runs.append(1)
        if len(runs) < 3:
            raise LookupError("a bug")

    thread = RestartedThread("spare", work, faults.note)
    thread.start()
    thread.join(60)
    assert len(runs) == 3
    assert faults.counts() == {"spare": 2}
    (record,) = caplog.records  # the second of the same place is counted only
    assert record.getMessage().startswith("spare: an unexpected error of this program")
    assert "LookupError: a bug" in caplog.text


def test_work_that_is_done_once_is_not_done_again() -> None:
    faults = UnexpectedErrors()
    runs: list[int] = []

    def work() -> None:
        runs.append(1)
        raise LookupError("a bug")

    thread = RestartedThread("once", work, faults.note, again=False)
    thread.start()
    thread.join(60)
    assert not thread.is_alive()
    assert (len(runs), faults.counts()) == (1, {"once": 1})


VITAL = """
import time
from smartmeter_service.threads import VitalThread
VitalThread("fine", lambda: None).start()
VitalThread("spool", lambda: {}["a bug"]).start()
time.sleep(600)
"""


def test_a_vital_thread_ends_the_process(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", VITAL], cwd=tmp_path, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == EXIT_STATUS != 0
    assert "spool: an unexpected error of this program; it ends" in done.stderr
    assert "KeyError: 'a bug'" in done.stderr


def test_faults_are_counted_from_any_thread() -> None:
    faults = UnexpectedErrors()

    def work() -> None:
        for _ in range(500):
            try:
                raise LookupError
            except LookupError:
                faults.note("here")

    many = [threading.Thread(target=work) for _ in range(4)]
    for thread in many:
        thread.start()
    for thread in many:
        thread.join()
    assert faults.counts() == {"here": 2000}


# Every thread of the Concentrator and the Cloud: file and name -> the test that puts a bug into it.
EACH = {
    ("smartmeter_broker/embedded.py", "'embedded broker'"): "gateway, cloud",
    ("smartmeter_gateway/app.py", "'history'"): "gateway",
    ("smartmeter_gateway/app.py", "'end'"): "none: it does nothing but end the process",
    ("smartmeter_gateway/cli/check.py", "f'port {port.device}'"): "gateway",
    ("smartmeter_gateway/intake/serial_source.py", "self.name"): "gateway",
    ("smartmeter_gateway/mqtt/client.py", "name"): "gateway",
    ("smartmeter_gateway/provisioning/est_client.py", "'renewal'"): "gateway",
    ("smartmeter_gateway/spool/writer.py", "'spool'"): "gateway",
    ("smartmeter_gateway/uplink/forwarder.py", "'uplink'"): "gateway",
    ("smartmeter_gateway/web/server.py", "'http'"): "gateway",
    ("smartmeter_mqtt/broker_link.py", "name"): "gateway",
    ("smartmeter_cloud/app.py", "'ingest'"): "cloud",
    ("smartmeter_cloud/history/upkeep.py", "'upkeep'"): "cloud",
    ("smartmeter_cloud/ingest/writer.py", "'writer'"): "cloud",
    ("smartmeter_cloud/monitoring/metrics_server.py", "'metrics'"): "cloud",
}
