"""What the Cloud refuses is kept, holds up nothing, is sent again later, and a person sees it."""

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from typing import Any

from smartmeter.wire import refusal, topics

from tests.gateway.conftest import Between
from tests.gateway.harness import Adapter, FakeCloud, eventually, reading
from tools.environment.mosquitto import Mosquitto

GOOD, BAD = "good", "misplaced"
FOREIGN = ("this meter is another household's; ask an administrator", False, refusal.METER)
REVOKED = ("its certificates are revoked", False, refusal.CONCENTRATOR)
NO_ROOM = ("there is no room for dead letters", False, refusal.MESSAGE)
MALFORMED = ("the year is wrong", True, refusal.MESSAGE)


def rows(between: Between, table: str = "message") -> int:
    with closing(sqlite3.connect(f"file:{between.spool}?mode=ro", uri=True)) as c:
        return int(c.execute(f"SELECT count(*) FROM {table}").fetchone()[0])


def status(between: Between) -> dict[str, Any]:
    return dict(json.loads(between.ask("/status")))


def refused_once(between: Between, adapter: Adapter, cloud: FakeCloud, count: int = 30) -> None:
    """The Concentrator runs, and the misplaced meter's readings are refused."""
    between.configure(resend_after=1)
    between.process.start().says("LAN broker: connected")
    between.process.says("cloud broker: connected")
    for seq in range(count):
        adapter.publish(BAD, reading(seq))
    eventually(lambda: rows(between, "refused") == count)


def test_a_refused_meter_keeps_its_readings_and_holds_up_no_other(
    between: Between, adapter: Adapter, cloud: FakeCloud
) -> None:
    cloud.refuses = lambda meter, _: FOREIGN if meter == BAD else None
    refused_once(between, adapter, cloud)
    for seq in range(30, 60):
        adapter.publish(BAD, reading(seq))
        adapter.publish(GOOD, reading(seq))
    eventually(lambda: cloud.seqs(GOOD) == set(range(30, 60)))
    eventually(lambda: rows(between, "refused") == rows(between) == 60)
    told = status(between)
    (alarm,) = [text for text in told["alarms"] if "refuses" in text]
    assert BAD in alarm
    assert "ask an administrator" in alarm
    assert "stay in the spool" in alarm
    assert told["spool"]["refused"] == 60
    assert told["refused"]["cloud"] > 0
    # Only a probe is sent while it waits: not all of them again and again.
    before = len(cloud.refused)
    eventually(lambda: len(cloud.refused) > before)
    assert len(cloud.refused) <= before + 3
    cloud.refuses = lambda *_: None
    eventually(lambda: cloud.seqs(BAD) == set(range(60)))
    eventually(lambda: rows(between) == rows(between, "refused") == 0)
    eventually(lambda: not any("refuses" in text for text in status(between)["alarms"]))


def test_refused_readings_survive_a_kill_and_go_when_they_are_taken(
    between: Between, adapter: Adapter, cloud: FakeCloud
) -> None:
    cloud.refuses = lambda meter, _: FOREIGN if meter == BAD else None
    refused_once(between, adapter, cloud)
    between.process.kill()
    between.process.start()
    adapter.publish_and_wait(GOOD, reading(1))
    eventually(lambda: 1 in cloud.seqs(GOOD))
    eventually(lambda: status(between)["spool"]["refused"] == 30)
    cloud.refuses = lambda *_: None
    eventually(lambda: cloud.seqs(BAD) == set(range(30)))
    eventually(lambda: rows(between) == 0)


def test_where_all_of_a_concentrator_is_refused_all_of_it_waits(
    between: Between, adapter: Adapter, cloud: FakeCloud
) -> None:
    cloud.refuses = lambda *_: REVOKED
    refused_once(between, adapter, cloud)
    sent = len(cloud.refused)
    for seq in range(100):
        adapter.publish(f"m{seq}", reading(seq))
    eventually(lambda: rows(between, "refused") == 130)
    assert len(cloud.refused) <= sent + 3  # one probe, whatever meters there are
    assert any("this Concentrator" in text for text in status(between)["alarms"])
    cloud.refuses = lambda *_: None
    eventually(lambda: len({m for m, _, _ in list(cloud.store)}) == 101)
    eventually(lambda: rows(between) == 0)


def test_one_message_that_is_refused_does_not_hold_up_its_meter(
    between: Between, adapter: Adapter, cloud: FakeCloud
) -> None:
    """Also in the backlog, in which it shares an array with good ones."""
    cloud.refuses = lambda _, payload: NO_ROOM if b'"seq":7,' in payload else None
    between.configure(resend_after=1, cloud="")
    between.process.start().says("LAN broker: connected")
    for seq in range(50):
        adapter.publish(BAD, reading(seq))
    eventually(lambda: between.spool.exists() and rows(between) == 50)
    between.process.kill()
    between.configure(resend_after=1)
    between.process.start()
    everything = set(range(50)) - {7}
    eventually(lambda: cloud.seqs(BAD) == everything)
    adapter.publish_and_wait(BAD, reading(50))
    eventually(lambda: cloud.seqs(BAD) == everything | {50})
    eventually(lambda: rows(between) == rows(between, "refused") == 1)
    cloud.refuses = lambda *_: None
    eventually(lambda: cloud.seqs(BAD) == set(range(51)))


def test_what_became_a_dead_letter_is_counted_and_forgotten(
    between: Between, adapter: Adapter, cloud: FakeCloud
) -> None:
    cloud.refuses = lambda _, payload: MALFORMED if b'"seq":7,' in payload else None
    between.process.start().says("LAN broker: connected")
    for seq in range(10):
        adapter.publish(BAD, reading(seq))
    eventually(lambda: cloud.seqs(BAD) == set(range(10)) - {7})
    eventually(lambda: rows(between) == 0)
    assert status(between)["refused"] == {"dead letter": 1}
    assert "the year is wrong" in between.process.said


def test_forged_refusals_stop_nothing(between: Between, adapter: Adapter, cloud: FakeCloud) -> None:
    between.process.start().says("cloud broker: connected")
    forged = refusal.Refusal(bytes(16), "x" * 5000 + "\n\x1b[31m", False, refusal.CONCENTRATOR)
    for payload in (
        refusal.encode(forged),
        refusal.encode(refusal.Refusal(bytes(16), "no", True)),
        b"",
        b"{}",
        b"[" * 100_000,
        b'{"digest":"zz","reason":1,"final":0,"scope":{}}',
        b"\xff" * 3000,
    ):
        cloud.client.publish(refusal.topic("home"), payload, qos=1).wait_for_publish(30)
    adapter.publish_and_wait(GOOD, reading(1))
    eventually(lambda: cloud.seqs(GOOD) == {1})
    eventually(lambda: rows(between) == 0)
    assert status(between)["refused"] == {"cloud": 1, "dead letter": 1, "refusal": 5}
    assert "Traceback" not in between.process.said
    assert "\x1b" not in between.process.said


def test_a_refused_status_is_counted_and_the_next_one_is_sent(
    between: Between, adapter: Adapter, cloud: FakeCloud
) -> None:
    between.process.start().says("cloud broker: connected")
    adapter.publish_and_wait(BAD, b'{"state":"online"}', "status")
    eventually(lambda: cloud.statuses.get(BAD))
    topic = topics.uplink("home", BAD, "status")
    payload = next(p for t, p, _ in cloud.messages if t == topic)
    digest = refusal.receipt.digest(topic, payload)
    refused = refusal.Refusal(digest, "another household's", False, refusal.METER)
    cloud.client.publish(refusal.topic("home"), refusal.encode(refused), qos=1)
    between.process.says("another household's")
    adapter.publish_and_wait(BAD, b'{"state":"offline"}', "status")
    eventually(lambda: cloud.statuses.get(BAD) == {"state": "offline"})


def test_a_message_too_long_for_the_broker_holds_up_no_other(
    between: Between, adapter: Adapter, mosquitto: Callable[..., Mosquitto]
) -> None:
    """mosquitto ends the connection at such a message, so sending it again would block the rest."""
    narrow = mosquitto(settings=["max_packet_size 3000"])
    many = {f"{c}.{d}.{e}": 1 for c in range(1, 5) for d in range(6, 10) for e in range(16)}
    long = json.dumps({**json.loads(reading(1)), "values": many}).encode()
    assert len(long) > 2800
    where = f'[cloud]\nhost = "localhost"\nport = {narrow.port}\nresend_after = 1'
    between.configure(cloud=where)
    between.process.start().says("LAN broker: connected")
    with FakeCloud(narrow.port) as cloud:
        adapter.publish(BAD, long)
        for seq in range(5):
            adapter.publish(GOOD, reading(seq))
        eventually(lambda: cloud.seqs(GOOD) == set(range(5)))
        eventually(lambda: rows(between, "refused") == rows(between) == 1)
        assert any("max_packet_size" in text for text in status(between)["alarms"])
