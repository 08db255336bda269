"""Meters on serial ports: the virtual ones on ptys, read as ttys are."""

import json
import os
import pty
import random
import subprocess
import sys
import tty
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from smartmeter import ALLOWED

from tests.gateway.conftest import Between
from tests.gateway.harness import FakeCloud, eventually
from tools.meters import forms
from tools.meters.household import Household

FORMS = {
    "kaifa-ma309": 'baud = 2400\nparity = "even"',
    "landis-gyr-e450": 'baud = 2400\nparity = "even"',
    "sml": "baud = 9600",
}


def secret(path: Path, text: str) -> Path:
    path.write_text(text)
    path.chmod(0o600)
    return path


def port_settings(folder: Path, form: str, device: Path, line: str | None = None) -> str:
    """The [[port]] of a virtual meter, with its test keys in files."""
    line = FORMS[form] if line is None else line
    lines = [f'[[port]]\ndevice = "{device}"\nmeter = "{form}"', line]
    made = forms.FORMS[form]
    if made.ciphered:
        lines.append(
            f'key_file = "{secret(folder / f"{form}.key", forms.default_key(form).hex())}"'
        )
    if made.tagged:
        path = secret(folder / f"{form}.auth", forms.default_auth_key(form).hex())
        lines.append(f'auth_key_file = "{path}"')
    return "\n".join(lines)


@pytest.fixture
def pushing(tmp_path: Path) -> Iterator[Any]:
    """Starts virtual meters; each gives (port, truth file)."""
    started: list[subprocess.Popen[bytes]] = []

    def start(form: str, *more: str) -> tuple[Path, Path]:
        port, truth = tmp_path / f"{form}.tty", tmp_path / f"{form}.truth"
        command = [sys.executable, "-m", "tools.meters", form, "--port-link", str(port)]
        started.append(
            subprocess.Popen([*command, "--truth", str(truth), "--interval", "1", *more])
        )
        return port, truth

    yield start
    for process in started:
        process.terminate()
        process.wait(60)


def told(truth: Path) -> list[dict[str, Any]]:
    text = truth.read_text() if truth.exists() else ""
    lines = text.splitlines()
    return [json.loads(line, parse_float=Decimal) for line in lines]


def test_three_meters_are_read_without_a_fault(
    between: Between, cloud: FakeCloud, pushing: Any
) -> None:
    """Every telegram sent whole is stored, and each allowed value is the one that was put in."""
    truths: dict[str, Path] = {}
    settings = []
    for form in FORMS:
        port, truths[form] = pushing(form, "--speed", "8")
        settings.append(port_settings(between.folder, form, port))
    between.configure("\n".join(settings))
    between.process.start()
    eventually(lambda: all(len(told(t)) >= 4 for t in truths.values()), 60)
    before = {form: told(truth) for form, truth in truths.items()}
    eventually(lambda: all(len(cloud.seqs(form)) >= len(before[form]) for form in FORMS))
    for form, sent_before in before.items():
        stored = [r for (meter, _, _), r in sorted(cloud.store.items()) if meter == form]
        for sent, got in zip(sent_before, stored, strict=False):
            allowed = {c: float(v) for c, v in sent["values"].items() if c in ALLOWED}
            assert got["values"].items() >= allowed.items()
            if forms.FORMS[form].ciphered:
                assert got["seq"] == sent["seq"]
            assert got["auth"] == ("verified" if forms.FORMS[form].tagged else "none")
    status = cloud.statuses["home"]
    assert status["faults"] == {}
    assert status["refused"] == {}
    eventually(lambda: cloud.statuses["sml"]["progress"] == "readings")
    assert cloud.statuses["sml"]["state"] == "online"
    assert between.process.stop() == 0
    eventually(lambda: cloud.statuses["sml"]["state"] == "offline")


def test_a_port_that_is_not_there_is_waited_for_and_told_once(
    between: Between, cloud: FakeCloud, pushing: Any
) -> None:
    device = between.folder / "sml.tty"
    between.configure(port_settings(between.folder, "sml", device))
    between.process.start().says(f"port {device}: not connected: no such file or directory")
    pushing("sml", "--count", "4", "--speed", "4")
    eventually(lambda: len(cloud.seqs("sml")) >= 2)
    assert between.process.said.count("no such file or directory") == 1
    between.process.says("not connected: the device is gone")  # the meter ended, its pty with it


def test_noise_and_a_wrong_key_give_faults_and_no_reading(
    between: Between, cloud: FakeCloud
) -> None:
    master, slave = pty.openpty()
    tty.setraw(slave)
    device = Path(os.ttyname(slave))
    settings = port_settings(between.folder, "landis-gyr-e450", device)
    secret(between.folder / "landis-gyr-e450.key", "00" * 16)
    between.configure(settings)
    between.process.start().says(f"port {device}: connected")
    # always the same: under a wrong key one telegram in 65 looks like damage
    moment = datetime(2026, 11, 22, 20, tzinfo=UTC)
    wire, _ = forms.make("landis-gyr-e450", Household(1)).telegram(moment)
    os.write(master, random.Random(1).randbytes(300).replace(b"\x7e", b"") + wire)
    eventually(lambda: cloud.statuses.get("home", {}).get("faults", {}).get("key") == 1)
    assert not cloud.store
    eventually(lambda: cloud.statuses.get("landis-gyr-e450"))
    os.close(slave)
    os.close(master)


@pytest.mark.parametrize(
    ("form", "settings"),
    [
        ("amis", 'baud = 9600\nparity = "even"'),
        ("iec-readout", 'poll = "sign-on"\ninterval = 1'),
        ("mbus-polled", 'poll = "m-bus"\ninterval = 1'),
    ],
)
def test_a_meter_that_wants_an_answer_gets_it(
    form: str, settings: str, between: Between, cloud: FakeCloud, pushing: Any
) -> None:
    port, truth = pushing(form)  # at its own pace, for its patience is in seconds
    between.configure(port_settings(between.folder, form, port, settings))
    between.process.start()
    eventually(lambda: len(cloud.seqs(form)) >= 2, 60)
    sent = told(truth)[0]["values"]
    first = min((r for (m, _, _), r in cloud.store.items() if m == form), key=lambda r: r["seq"])
    assert first["values"]["1.8.0"] == float(sent["1.8.0"])


@pytest.mark.parametrize(("form", "poll"), [("mbus-polled-heat", "m-bus"), ("kmp-heat", "kmp")])
def test_a_heat_meter_is_asked_and_stored_with_its_medium_and_units(
    form: str, poll: str, between: Between, cloud: FakeCloud, pushing: Any
) -> None:
    port, truth = pushing(form)
    settings = f'poll = "{poll}"\ninterval = 1\nvalues = ["6-0:1.0.0", "6-0:10.0.0"]'
    between.configure(port_settings(between.folder, form, port, settings))
    between.process.start()
    eventually(lambda: cloud.seqs(form), 60)
    sent = told(truth)[0]["values"]
    stored = min((r for (m, _, _), r in cloud.store.items() if m == form), key=lambda r: r["seq"])
    assert stored["values"]["6-0:1.0.0"] == sent["6-0:1.0.0"]
    assert (stored["medium"], stored["units"]) == ("heat", {"6-0:1.0.0": "J", "6-0:10.0.0": "degC"})


def test_the_line_is_found_by_trying(between: Between, cloud: FakeCloud, pushing: Any) -> None:
    port, _ = pushing("sml")
    between.configure(port_settings(between.folder, "sml", port, ""))
    between.process.start()
    eventually(lambda: len(cloud.seqs("sml")) >= 1)
    between.process.says("readings come at ")


def test_a_telegram_of_before_is_a_replay_after_a_restart_too(
    between: Between, cloud: FakeCloud
) -> None:
    master, slave = pty.openpty()
    tty.setraw(slave)
    form = "landis-gyr-e450"
    device = Path(os.ttyname(slave))
    between.configure(port_settings(between.folder, form, device))
    wire, _ = forms.make(form, Household(1)).telegram(datetime.now(UTC))
    between.process.start().says(f"port {device}: connected")
    os.write(master, wire)
    eventually(lambda: len(cloud.store) == 1)
    assert between.process.stop() == 0
    between.process.start()
    eventually(lambda: between.process.said.count(f"port {device}: connected") == 2)
    os.write(master, wire)
    eventually(lambda: cloud.statuses["home"].get("faults", {}).get("replay") == 1)
    assert cloud.statuses["home"]["meters"] == {}

    def forget(meter: str) -> tuple[int, str]:
        command = [sys.executable, "-m", "smartmeter_gateway", "forget-counter", meter]
        command += ["--config", str(between.process.config)]
        done = subprocess.run(command, capture_output=True, text=True)
        return done.returncode, done.stderr

    assert forget(form) == (
        2,
        "smartmeter-gateway: the Concentrator runs, and would remember it; stop it first\n",
    )
    assert between.process.stop() == 0
    assert forget("another")[1] == "smartmeter-gateway: no counter of another is known\n"
    assert forget(form) == (0, "")
    between.process.start()
    eventually(lambda: between.process.said.count(f"port {device}: connected") == 3)
    os.write(master, wire)
    eventually(lambda: form in cloud.statuses["home"].get("meters", {}))
    os.close(slave)
    os.close(master)
