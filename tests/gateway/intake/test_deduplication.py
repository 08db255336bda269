"""One meter on several paths, and telegrams that adapters hand on unopened."""

import json
import os
import pty
import time
import tty
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from smartmeter_gateway.config.settings import MeterSettings, SpoolSettings
from smartmeter_gateway.intake import validation
from smartmeter_gateway.intake.deduplication import Deduplicator
from smartmeter_gateway.intake.pipeline import Pipeline
from smartmeter_gateway.intake.validation import CheckedReading
from smartmeter_gateway.monitoring.registry import Registry
from smartmeter_gateway.spool.batch import Batch
from smartmeter_gateway.spool.writer import SpoolWriter

from tests.gateway.conftest import Between
from tests.gateway.harness import Adapter, FakeCloud, eventually, reading
from tests.gateway.intake.test_serial import port_settings, secret
from tests.gateway.test_home import command
from tools.meters import forms
from tools.meters.household import Household

FORM = "landis-gyr-e450"


def keys(folder: Path, form: str) -> str:
    key = secret(folder / "m.key", forms.default_key(form).hex())
    auth = secret(folder / "m.auth", forms.default_auth_key(form).hex())
    return f'[[meter]]\nid = "{form}"\nkey_file = "{key}"\nauth_key_file = "{auth}"\n'


def test_a_meter_on_two_paths_is_reported_and_not_doubled(
    between: Between, adapter: Adapter, cloud: FakeCloud
) -> None:
    """The same telegram by our serial port and by an adapter that reads the same meter."""
    master, slave = pty.openpty()
    tty.setraw(slave)
    between.configure(port_settings(between.folder, FORM, Path(os.ttyname(slave))))
    between.process.start().says("LAN broker: connected")
    port = f"port {os.ttyname(slave)}"
    between.process.says(f"{port}: connected")
    meter = forms.make(FORM, Household(1))
    for _ in range(3):
        wire, truth = meter.telegram(datetime.now(UTC))
        os.write(master, wire)
        eventually(lambda n=truth["seq"]: n in cloud.seqs(FORM))
        (payload,) = (p for t, p, _ in cloud.messages if b'"seq":%d,' % truth["seq"] in p)
        adapter.publish_and_wait(FORM, payload)
    eventually(lambda: cloud.statuses["home"]["meters"].get(FORM, {}).get("duplicates") == 3)
    assert len(cloud.order[FORM]) == 3
    assert cloud.statuses["home"]["meters"][FORM]["paths"] == [port, "LAN broker"]
    between.process.says(f"meter {FORM} arrives over {port} and by LAN broker; ")
    os.close(slave)
    os.close(master)


def test_a_way_that_is_behind_does_not_double_either() -> None:
    """Readings of a meter with a counter, and of one that has a clock alone."""

    def values(second: int, seq: int) -> CheckedReading:
        return validation.reading(reading(seq, at=1790000000 + second))

    accepts = Deduplicator().accepts
    assert all(accepts("m", values(n, n), "fast") for n in range(5))
    assert [accepts("m", values(n, n), "slow") for n in range(7)] == [False] * 5 + [True] * 2
    assert [accepts("m", values(n, n), "fast") for n in range(5, 8)] == [False, False, True]
    assert all(accepts("m", values(7, 7), "fast") for _ in range(2))  # for the store to see
    clocked = values(8, 8)
    assert accepts("m", clocked, "fast")
    assert not accepts("m", msgspec.structs.replace(clocked, seq=9000), "slow")


def unclocked(seq: int, at: float) -> bytes:
    """A reading of a meter without clock and counter: stamped and numbered by who heard it."""
    return reading(seq, at=int(at)).replace(b'"meter"', b'"adapter"')


def test_a_meter_without_a_clock_is_taken_from_one_way_at_a_time(
    between: Between, adapter: Adapter, cloud: FakeCloud
) -> None:
    """An adapter and our own port on one meter; and a restart between."""
    master, slave = pty.openpty()
    tty.setraw(slave)
    between.configure(port_settings(between.folder, "sml", Path(os.ttyname(slave))))
    port = f"port {os.ttyname(slave)}"
    meter = forms.make("sml", Household(1))

    def start(times: int) -> None:
        between.process.start()
        eventually(lambda: between.process.said.count(f"{port}: connected") == times)
        eventually(lambda: between.process.said.count("LAN broker: connected") == times)

    def by_port(n: int) -> None:
        for _ in range(n):
            os.write(master, meter.telegram(datetime.now(UTC))[0])

    def told() -> dict[str, Any]:
        meters = json.loads(between.ask("/status"))["meters"]
        return dict(meters.get("sml", {"readings": 0}))

    start(1)
    now = time.time()
    for seq in range(3):
        adapter.publish_and_wait("sml", unclocked(seq, now - 100 + 50 * seq))
    eventually(lambda: told()["readings"] == 3)
    by_port(2)
    eventually(lambda: told().get("duplicates") == 2)
    assert (told()["path"], told()["paths"]) == ("LAN broker", ["LAN broker", port])
    between.process.says(f"meter sml arrives over LAN broker and by {port}; it has no clock, ")
    said = command("status", "--config", str(between.process.config)).stdout
    assert f"by LAN broker, also by {port} (2 duplicates discarded)" in said
    between.process.kill()
    start(2)
    by_port(2)
    eventually(lambda: told()["readings"] == 2)
    last = datetime.fromisoformat(told()["last"]).timestamp()
    adapter.publish_and_wait("sml", unclocked(3, last + 1))
    eventually(lambda: told().get("duplicates") == 1)
    # A minute before nobody was heard: what the adapter tells late of it is not lost.
    adapter.publish_and_wait("sml", unclocked(4, last - 60))
    eventually(lambda: told()["readings"] == 3)
    eventually(lambda: len(cloud.seqs("sml")) == 6)
    assert sorted(seq for seq in cloud.seqs("sml") if seq < 100) == [0, 1, 2, 4]
    os.close(slave)
    os.close(master)


def test_another_way_takes_over_where_the_one_in_use_is_silent() -> None:
    """By the times of the readings; two paths that both go on never both yield."""
    deduplicator = Deduplicator()
    begin = 1790000000

    def seen(path: str, *seconds: int) -> list[bool]:
        made = [validation.reading(unclocked(ord(path) + s, begin + s)) for s in seconds]
        return [deduplicator.accepts("m", values, path) for values in made]

    for s in range(0, 100, 5):
        assert (seen("a", s), seen("b", s + 1)) == ([True], [False])
    # a is silent after 95, and its distance is 5 s.
    assert seen("b", 101, 106, 110) == [False] * 3
    assert seen("b", 111, 116, 121) == [True] * 3
    # Back again, a tells its last minute, that which was acknowledged, too.
    assert seen("a", 85, 90, 95, 100, 105) == [True] * 5
    assert seen("a", 110, 115, 120, 125) == [False] * 4
    assert seen("b", 126) == [True]
    assert seen("a", 130, 135, 140) == [False] * 3
    assert seen("a", 142) == [True]
    assert seen("b", 146) == [False]


def test_what_waited_at_the_broker_while_we_were_away_yields_to_none() -> None:
    """The port begins with now, the adapter's session with minutes ago; one of them goes on."""
    deduplicator = Deduplicator()

    def seen(path: str, second: int) -> bool:
        values = validation.reading(unclocked(second, 1790000000 + second))
        return deduplicator.accepts("m", values, path)

    assert seen("port", 300)
    assert all(seen("adapter", second) for second in range(0, 297, 3))
    assert not any(seen("adapter", second) for second in (300, 303, 306))
    assert all(seen("port", second) for second in (302, 304, 306))


def test_a_ciphered_telegram_is_opened_with_the_meter_s_key(
    between: Between, adapter: Adapter, cloud: FakeCloud
) -> None:
    between.configure(keys(between.folder, FORM))
    between.process.start().says("LAN broker: connected")
    meter = forms.make(FORM, Household(1))
    wire, truth = meter.telegram(datetime.now(UTC))
    adapter.publish_and_wait(FORM, wire, "ciphered")
    eventually(lambda: cloud.seqs(FORM) == {truth["seq"]})
    ((_, stored),) = cloud.store.items()
    assert stored["auth"] == "verified"
    assert stored["values"]["1.8.0"] == float(truth["values"]["1.8.0"])
    flipped = bytearray(meter.telegram(datetime.now(UTC))[0])
    flipped[150] ^= 1
    adapter.publish_and_wait(FORM, bytes(flipped), "ciphered")
    adapter.publish_and_wait("nobody", wire, "ciphered")

    def refused() -> bool:
        counts = cloud.statuses["home"]["refused"]
        return counts.get("settings") == 1 and sum(counts.values()) == 2

    eventually(refused)
    assert len(cloud.store) == 1


def test_a_minute_that_comes_again_is_a_double_and_an_older_telegram_a_replay(
    between: Between, adapter: Adapter, cloud: FakeCloud
) -> None:
    """An adapter that lost its broker tells its last minute again; both may have been restarted."""
    between.configure(keys(between.folder, FORM))
    between.process.start().says("LAN broker: connected")
    meter = forms.make(FORM, Household(1))
    never_told, *minute = [meter.telegram(datetime.now(UTC)) for _ in range(13)]
    for wire, _ in minute:
        adapter.publish_and_wait(FORM, wire, "ciphered")
    seqs = {truth["seq"] for _, truth in minute}
    eventually(lambda: cloud.seqs(FORM) == seqs)

    def status() -> dict[str, Any]:
        return dict(json.loads(between.ask("/status")))

    def again(times: int) -> None:
        for wire, _ in minute:
            adapter.publish_and_wait(FORM, wire, "ciphered")
        wire, truth = meter.telegram(datetime.now(UTC))
        adapter.publish_and_wait(FORM, wire, "ciphered")
        seqs.add(truth["seq"])
        eventually(lambda: status()["meters"].get(FORM, {}).get("duplicates") == times)
        assert (status()["refused"], status()["alarms"]) == ({}, [])

    again(12)
    eventually(lambda: cloud.seqs(FORM) == seqs)
    between.process.kill()
    between.process.start()
    eventually(lambda: between.process.said.count("the local page is at") == 2)
    again(12)
    eventually(lambda: cloud.seqs(FORM) == seqs)
    adapter.publish_and_wait(FORM, never_told[0], "ciphered")
    eventually(lambda: status()["refused"] == {"replay": 1})
    assert cloud.seqs(FORM) == seqs


def test_a_counter_is_never_on_disk_before_its_reading(tmp_path: Path) -> None:
    """If it were, the telegram would be refused as a replay when it comes again after a kill."""
    registry = Registry()
    settings = SpoolSettings(tmp_path / "spool.db", 1, 1)
    key = MeterSettings(id="m", key=forms.default_key(FORM), auth_key=forms.default_auth_key(FORM))
    wire, _ = forms.make(FORM, Household(1)).telegram(datetime.now(UTC))
    for _ in range(2):  # nothing of the first was committed
        pipeline = Pipeline(SpoolWriter(settings, False, registry), registry, (key,))
        batch = Batch()
        pipeline.take(batch, "m", "ciphered", wire, "LAN broker")
        assert [row.specific for row in batch.rows] == ["reading"]
        assert list(batch.replay_guards) == ["m"]


@pytest.mark.parametrize("form", ["apdu-notification", "egd-rs485"])
def test_a_raw_telegram_is_parsed(
    form: str, between: Between, adapter: Adapter, cloud: FakeCloud
) -> None:
    between.configure('[[meter]]\nid = "m"\n')
    between.process.start().says("LAN broker: connected")
    wire, truth = forms.make(form, Household(1)).telegram(datetime.now(UTC))
    adapter.publish_and_wait("m", wire, "raw")
    eventually(lambda: len(cloud.seqs("m")) == 1)
    ((_, stored),) = cloud.store.items()
    assert stored["values"]["1.8.0"] == float(truth["values"]["1.8.0"])
    adapter.publish_and_wait("m", wire, "raw")
    adapter.publish_and_wait("m", b"nothing of the kind", "raw")
    eventually(lambda: json.loads(between.ask("/status"))["refused"] == {"noise": 1})
    # Without a clock in it nobody can tell whether the meter says the same again.
    told = json.loads(between.ask("/status"))["meters"]["m"]
    assert (told["readings"], told.get("duplicates", 0)) == ((1, 1) if truth["time"] else (2, 0))
    assert told["path"] == "LAN broker (raw)"
