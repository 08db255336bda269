"""The programs of docs/examples, as a stranger runs them."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from tests.gateway.conftest import Between
from tests.gateway.harness import Adapter, Consumer, FakeCloud, eventually, reading
from tests.gateway.intake.test_serial import secret
from tools.meters import forms
from tools.meters.household import Household

KEY = bytes(range(16))
EXAMPLES = Path(__file__).resolve().parents[2] / "docs" / "examples"


@contextlib.contextmanager
def running(
    name: str, output: Path, *arguments: str, **environment: str
) -> Iterator[subprocess.Popen[bytes]]:
    with output.open("wb") as written:
        process = subprocess.Popen(
            [sys.executable, str(EXAMPLES / name), *arguments],
            stdout=written,
            stderr=written,
            env=os.environ | environment,
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def test_a_stranger_s_adapter_is_taken_and_its_end_is_seen(
    between: Between, cloud: FakeCloud, tmp_path: Path
) -> None:
    between.process.start().says("LAN broker: connected")
    output = tmp_path / "said"
    with running("adapter.py", output, "127.0.0.1", str(between.lan.port), "my-meter"):
        eventually(lambda: cloud.seqs("my-meter"))
        eventually(lambda: cloud.statuses.get("my-meter") == {"state": "online"})
    (stored,) = [r for (meter, _, _), r in cloud.store.items() if meter == "my-meter"][:1]
    assert stored["values"]["1.8.0"] == 1136784
    eventually(lambda: cloud.statuses.get("my-meter") == {"state": "offline"})  # its last will
    assert output.read_text() == ""


def test_a_stranger_s_adapter_says_why_it_is_refused(
    between: Between, adapter: Adapter, tmp_path: Path
) -> None:
    between.process.start().says("LAN broker (publishing): connected")
    output = tmp_path / "said"
    with running("adapter.py", output, "127.0.0.1", str(between.lan.port), "my-meter"):
        eventually(lambda: "my-meter" in between.ask("/status"))
        adapter.publish_and_wait("my-meter", b'{"power":133}')
        eventually(lambda: "refused: not a reading: time is missing" in output.read_text())
        adapter.publish_and_wait("my-meter", reading(1).replace(b'"meter"', b'"mine"'))
        eventually(lambda: "refused: not a reading: clock must be" in output.read_text())


def test_a_stranger_s_consumer_prints_what_a_stranger_s_adapter_measures(
    between: Between, tmp_path: Path
) -> None:
    between.process.start().says("LAN broker (publishing): connected")
    output, port = tmp_path / "said", str(between.lan.port)
    with running("consumer.py", output, "127.0.0.1", port):
        with running("adapter.py", tmp_path / "adapter", "127.0.0.1", port, "my-meter"):
            eventually(lambda: "133 W, 1136.784 kWh" in output.read_text())
        eventually(lambda: "my-meter: offline, its adapter is offline" in output.read_text())
        between.process.kill()
        eventually(lambda: "Concentrator home: offline, its last will" in output.read_text())
    assert "Traceback" not in output.read_text()


def test_telegrams_may_come_with_their_link_layer(between: Between, adapter: Adapter) -> None:
    """As docs/messages.md says of `raw` and `ciphered`: an adapter need not know what it passes."""
    key = secret(between.folder / "key", KEY.hex())
    between.configure(f'[[meter]]\nid = "locked"\nkey_file = "{key}"\n[[meter]]\nid = "open"\n')
    between.process.start().says("LAN broker: connected")
    moment = datetime(2026, 11, 22, 20, 10, 5, tzinfo=UTC)
    for meter, form, specific in (("locked", "kaifa-ma309", "ciphered"), ("open", "sml", "raw")):
        telegram, _ = forms.make(form, Household(seed=1), key=KEY).telegram(moment)
        adapter.publish_and_wait(meter, telegram, specific)
    with Consumer(between.lan.port) as house:
        for meter in ("locked", "open"):
            eventually(lambda meter=meter: "power_w" in house.newest(meter))
