"""What a Concentrator may send, and what happens to the rest."""

import json
import math
import random
from typing import Any

import pytest
from smartmeter import Reading
from smartmeter.wire import receipt, topics
from smartmeter.wire.reading_encoder import to_json
from smartmeter_cloud.ingest.message import PAYLOAD_MAX, STATUS_MAX, MessageBatch

from tests.cloud.harness import encoded, reading

TOPIC = "concentrator/house-1/smartMeterMessage/m1/reading"
TOPICS = TOPIC + "s"
NOW = 1790000000_000


def taken(document: Any, topic: str = TOPIC) -> MessageBatch:
    batch = MessageBatch()
    batch.add(topic, document if isinstance(document, bytes) else encoded(document), NOW)
    return batch


def rows_of(batch: MessageBatch) -> list[Any]:
    return [row for rows in batch.readings.values() for row in rows]


def changed(**parts: Any) -> dict[str, Any]:
    return {k: v for k, v in (reading() | parts).items() if v is not ...}


def test_a_reading_becomes_a_row_with_the_meters_own_numbers() -> None:
    document = reading(40217, "2026-09-21T15:13:20+01:00", v1_7_0=133, v32_7_0=230.0, v31_7_0=0.99)
    batch = taken(document)
    assert list(batch.readings) == [("m1", "house-1")]
    (row,) = rows_of(batch)
    assert row[:8] == (1790000000000, 40217, NOW, 60, "meter", "verified", 0, None)
    numbers = [n for n in row[8:] if n is not None]
    assert [repr(n) for n in numbers] == ["133", "0.99", "230.0"]


def test_what_the_core_writes_is_taken() -> None:
    one = Reading("x", "2026-11-22T21:10:05+01:00", 7)
    one.values = {"1.8.0": (123456789, -1), "32.7.0": (2300, -1), "1.7.0": (2, 3)}
    (row,) = rows_of(taken(to_json(one).encode()))
    assert [n for n in row[8:] if n is not None] == [2000, 12345678.9, 230.0]


def test_further_codes_are_kept() -> None:
    (row,) = rows_of(taken(reading(v14_7_0=50.01, v1_7_0=1)))
    assert json.loads(row[7]) == {"14.7.0": 50.01}


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        (b"", "not a reading"),
        (b"\xff\xfe", "not a reading"),
        (b"{", "not a reading"),
        (b"[" * 100_000, "not a reading"),
        (b'{"time":' + b"[" * 100_000, "not a reading"),
        (b"null", "not a reading"),
        ([reading()], "not a reading"),
        (changed(time=...), "time"),
        (changed(time=1790000000), "time"),
        (changed(time="2026-11-22T21:10:05"), "time"),
        (changed(time="2026-02-30T21:10:05Z"), "time"),
        (changed(time="1970-01-01T00:00:00Z"), "1970-01-01T00:00:00+00:00 is outside the range"),
        (changed(time="1970-01-01T00:00:00Z"), "1970-01-02 to 2199-12-31 (UTC)"),
        (changed(time="1969-12-31T00:00:00Z"), "outside the range"),
        (changed(time="9999-12-31T23:59:59-12:00"), "outside the range"),
        (changed(time="0001-01-01T00:00:00+12:00"), "outside the range"),
        (changed(clock="mine"), "clock"),
        (changed(seq=...), "seq"),
        (changed(seq=-1), "seq"),
        (changed(seq=2**63), "seq"),
        (changed(seq="1"), "seq"),
        (changed(seq=True), "seq"),
        (changed(auth="perhaps"), "auth"),
        (changed(values={}), "values"),
        (changed(values=[1]), "values"),
        (changed(values={"1.7.0": "133"}), "values"),
        (changed(values={"1.7.0": None}), "values"),
        (changed(values={"1.7.0": True}), "values"),
        (changed(values={"1.7.0": 10**15}), "values"),
        (changed(values={"1.7.0": -1e300}), "values"),
        (changed(values={"1.7.0": 10**400}), "values"),
        (changed(values={"1.7.0\n": 1}), "OBIS"),
        (changed(values={"1.7": 1}), "OBIS"),
        (changed(values={"1.7.256": 1}), "OBIS"),
        (changed(values={"<img src=x>": 1}), "OBIS"),
        (changed(values={f"1.{i}.{j}": 1 for i in range(2) for j in range(200)}), "values"),
        (encoded(reading()).replace(b"133", b"NaN"), "not a reading"),
        (encoded(reading()).replace(b"133", b"1e999"), "values"),
        (b" " * (PAYLOAD_MAX + 1), "bytes"),
    ],
)
def test_what_is_no_reading_is_a_dead_letter_and_still_receipted(
    document: Any, reason: str
) -> None:
    batch = taken(document)
    assert not batch.readings
    (dead,) = batch.dead
    assert reason in dead.reason
    payload = document if isinstance(document, bytes) else encoded(document)
    digest = receipt.digest(TOPIC, payload)
    assert (dead.payload, dead.digest, dead.concentrator) == (payload, digest, "house-1")
    assert batch.receipts == {"house-1": [digest]}
    (refusal,) = batch.refusals["house-1"]
    assert (refusal.digest, refusal.reason, refusal.final) == (digest, dead.reason, True)


def test_one_bad_reading_of_an_array_does_not_take_the_others_with_it() -> None:
    batch = taken([reading(1), changed(seq=-1), reading(3), 7], TOPICS)
    assert [row[1] for row in rows_of(batch)] == [1, 3]
    assert len(batch.dead) == 2
    assert len(batch.receipts["house-1"]) == len(batch.refusals["house-1"]) == 1


@pytest.mark.parametrize("payload", [b"[" * 100_000, b"{}", b"[", b"\x00", b"7"])
def test_what_is_no_array_is_one_dead_letter(payload: bytes) -> None:
    batch = taken(payload, TOPICS)
    assert (batch.size, len(batch.dead)) == (0, 1)


@pytest.mark.parametrize(
    "topic",
    [
        "",  # what MQTT gives in place of one that is not UTF-8
        "concentrator",
        "concentrator/house-1/smartMeterMessage/m1/reading/more",
        "concentrator/house-1/smartMeterMessage/m1/",
        "concentrator/a b/smartMeterMessage/m1/reading",
        "concentrator/house-1/smartMeterMessage/'; DROP TABLE reading; --/reading",
        "concentrator/house-1/smartMeterMessage/" + "m" * 65 + "/reading",
        "concentrator/\xff/smartMeterMessage/m1/reading",
        "concentrator/" * 10_000,
    ],
)
def test_a_topic_outside_the_grammar_is_a_dead_letter(topic: str) -> None:
    batch = taken(reading(), topic)
    assert not batch.readings
    assert len(batch.dead) == 1
    assert len(batch.dead[0].topic) <= 256


def test_a_state_for_consumers_is_ignored() -> None:
    """The broker of the LAN and the Cloud's may be one."""
    batch = taken(b'{"state":"online"}', topics.uplink("house-1", "m1", topics.STATE))
    assert (batch.ignored, batch.dead, batch.receipts, batch.refusals) == (1, [], {}, {})


def test_raw_telegrams_are_left_to_others_and_nobody_is_told_that_they_are_stored() -> None:
    batch = taken(b"\x68\x10", topics.uplink("house-1", "m1", topics.RAW))
    assert (batch.ignored, batch.dead, batch.receipts) == (1, [], {})
    (refusal,) = batch.refusals["house-1"]
    assert not refusal.final
    assert "not stored" in refusal.reason


def test_a_status_of_a_box_is_kept_and_an_empty_one_takes_it_away() -> None:
    topic = topics.concentrator_status("house-1")
    assert taken({"state": "online"}, topic).boxes[0].status == '{"state": "online"}'
    assert taken(b"", topic).boxes[0].status is None
    for bad in (b"online", b"[]", b"{" * 9999, b'{"a":"' + b"x" * STATUS_MAX + b'"}'):
        assert len(taken(bad, topic).dead) == 1


@pytest.mark.parametrize(
    ("time_text", "suspect"),
    [
        ("2026-09-21T14:13:20Z", False),
        ("2026-09-22T14:13:20Z", False),
        ("2026-09-22T14:13:21Z", True),
        ("2025-10-01T00:00:00Z", False),
        ("2000-01-01T00:00:00Z", True),
        ("2099-01-01T00:00:00Z", True),
    ],
)
def test_a_clock_that_is_far_off_is_flagged(time_text: str, suspect: bool) -> None:
    (row,) = rows_of(taken(reading(1, time_text)))
    assert row[6] == int(suspect)


def test_any_bytes_give_a_row_or_a_dead_letter() -> None:
    draw = random.Random(20261122)
    good = encoded([reading(1), reading(2, v1_7_0=-0.5)])
    for _ in range(3000):
        payload = bytearray(good)
        for _ in range(draw.randint(1, 6)):
            at = draw.randrange(len(payload))
            payload[at : at + draw.randint(0, 3)] = draw.randbytes(draw.randint(0, 3))
        batch = taken(bytes(payload), TOPICS)
        assert batch.readings or batch.dead
        for row in rows_of(batch):
            assert all(n is None or math.isfinite(n) for n in row[8:])
