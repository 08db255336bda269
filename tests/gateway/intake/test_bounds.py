"""What a stranger on the LAN can send is bounded, and harms no other meter."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from smartmeter_gateway.config.settings import MeterSettings, SpoolSettings
from smartmeter_gateway.intake import pipeline, telegram_decoder
from smartmeter_gateway.intake.known_meters import KnownMeters
from smartmeter_gateway.intake.pipeline import Pipeline
from smartmeter_gateway.intake.validation import Refused
from smartmeter_gateway.monitoring.registry import Registry
from smartmeter_gateway.spool.batch import Batch
from smartmeter_gateway.spool.writer import SpoolWriter

from tests.gateway.conftest import Between
from tests.gateway.harness import Adapter, FakeCloud, eventually, reading

LAN = "LAN broker"
# It is cheap to send and took 1.4 us of CPU a byte.
COSTLY = (b"\x1b\x1b\x1b\x1b\x01\x01\x01\x01" * 4096)[:4096]


class Clock:
    """A time.monotonic() that tests move."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.at = 1000.0
        monkeypatch.setattr(KnownMeters.__init__, "__defaults__", (600.0, lambda: self.at))


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Pipeline]]:
    """A pipeline with 20 slots for meters and 10 for adapters without; again after a restart."""
    monkeypatch.setattr(pipeline, "METERS_MAX", 20)
    monkeypatch.setattr(pipeline, "UNREAD_MAX", 10)
    writers: list[SpoolWriter] = []

    def start_it(**more: Any) -> Pipeline:
        registry = Registry()
        writer = SpoolWriter(SpoolSettings(tmp_path / "spool.db", 1, 1), False, registry)
        writer.start()
        writers.append(writer)
        return Pipeline(writer, registry, **more)

    yield start_it
    for writer in writers:
        writer.stop(10)


def taken(intake: Pipeline, meter: str, payload: bytes, specific: str = "reading") -> Batch:
    """The batch with this message. Raises Refused."""
    batch = Batch()
    intake.take(batch, meter, specific, payload, LAN)
    return batch


def test_statuses_of_made_up_ids_lock_no_meter_out(start: Callable[..., Pipeline]) -> None:
    intake = start()
    for n in range(10):
        taken(intake, f"made-up-{n}", b"{}", "status")
    for n in range(10, 50):
        with pytest.raises(Refused, match="one adapter more"):
            taken(intake, f"made-up-{n}", b"{}", "status")
    for n in range(20):  # as many as there are slots for
        assert taken(intake, f"m{n}", reading(1)).rows


def test_neither_after_a_restart(start: Callable[..., Pipeline], clock: Clock) -> None:
    intake = start()
    for n in range(10):
        intake.put(taken(intake, f"made-up-{n}", b"{}", "status"))
    intake._writer.stop(10)
    intake = start()
    for n in range(20):
        assert taken(intake, f"m{n}", reading(1)).rows
    clock.at += 86_400
    withdrawn = taken(intake, "m1", b"{}", "status").statuses
    assert withdrawn == {f"made-up-{n}": b"" for n in range(10)} | {"m1": b"{}"}


def test_an_id_that_is_silent_gives_its_slot_to_a_meter(
    start: Callable[..., Pipeline], clock: Clock
) -> None:
    ports = ["port"]
    intake = start(ports=ports)
    taken(intake, "port", reading(1))
    for n in range(20):
        taken(intake, f"made-up-{n}", reading(1))
    with pytest.raises(Refused, match="one meter more"):
        taken(intake, "m", reading(1))
    assert taken(intake, "port", reading(2)).rows  # the settings name it
    clock.at += 601
    for n in range(1, 20):
        taken(intake, f"made-up-{n}", reading(2))
    assert taken(intake, "m", reading(1)).rows
    assert "made-up-0" not in intake._registry.meters
    with pytest.raises(Refused):
        taken(intake, "n", reading(1))


@pytest.mark.parametrize("specific", ["raw", "ciphered"])
def test_telegrams_are_decoded_for_meters_in_the_settings_only(
    start: Callable[..., Pipeline], specific: str
) -> None:
    intake = start(meters=(MeterSettings(id="m"),))
    with pytest.raises(Refused) as why:
        taken(intake, "n", COSTLY, specific)
    assert why.value.kind == "settings"
    with pytest.raises(Refused) as why:
        taken(intake, "m", COSTLY + b"\x1b", specific)
    assert (why.value.kind, why.value.detail) == (
        "size",
        "a message of 4097 bytes; at most 4096 are taken",
    )


def test_a_flood_of_telegrams_takes_a_bounded_share_of_a_core(
    start: Callable[..., Pipeline], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(telegram_decoder, "BURST_S", 0.05)
    intake = start(meters=(MeterSettings(id="m"), MeterSettings(id="n")))
    kinds = []
    while "cost" not in kinds:
        assert len(kinds) < 10_000
        with pytest.raises(Refused) as why:
            taken(intake, "m", COSTLY, "raw")
        kinds.append(why.value.kind)
    with pytest.raises(Refused) as why:
        taken(intake, "n", COSTLY, "raw")
    assert why.value.kind != "cost"  # another meter's share is its own


def test_a_flood_of_readings_does_not_fill_the_spool(
    start: Callable[..., Pipeline], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipeline, "READINGS_BURST", 50)
    monkeypatch.setattr(pipeline, "READINGS_PER_S", 0.0)
    intake = start()
    for n in range(50):
        assert taken(intake, "m", reading(n)).rows
    with pytest.raises(Refused) as why:
        taken(intake, "m", reading(51))
    assert why.value.kind == "rate"
    assert taken(intake, "n", reading(51)).rows


DEEP = b'{"a":' + b"[" * 987 + b"]" * 987 + b"}"


@pytest.mark.parametrize(
    ("specific", "payload"),
    [
        ("status", DEEP),
        ("status", b'{"a":' * 9 + b"1" + b"}" * 9),
        ("status", b'{"a":"\\\\",' + b'"b":[' * 9 + b"]" * 9 + b"}"),
        ("status", b'{"a":"' + b'\\"' * 7000),  # not quadratic in its length
        ("reading", reading(1)[:-1] + b',"more":' + DEEP + b"}"),
    ],
)
def test_what_is_nested_too_deeply_is_not_passed_on(
    start: Callable[..., Pipeline], specific: str, payload: bytes
) -> None:
    with pytest.raises(Refused) as why:
        taken(start(), "m", payload, specific)
    assert why.value.kind == "json"


def test_brackets_in_texts_do_not_count(start: Callable[..., Pipeline]) -> None:
    intake = start()
    for document in ({"a": "[" * 100}, {"a": '"' + "{" * 50, "b": [[[[{"c": ["\\"]}]]]]}):
        payload = json.dumps(document).encode()
        assert taken(intake, "m", payload, "status").statuses == {"m": payload}


def test_a_flood_delays_no_reading_of_another_meter(
    between: Between, adapter: Adapter, cloud: FakeCloud
) -> None:
    """4 MB of telegrams of a meter that nobody configured, as one LAN client may send them."""
    between.process.start().says("LAN broker: connected")
    for _ in range(60):
        adapter.publish("flood", COSTLY * 16, "raw")
    adapter.publish("m", reading(1))
    eventually(lambda: cloud.seqs("m") == {1})
    refused = json.loads(between.ask("/status"))["refused"]
    assert refused == {"size": 60}
