"""What one Concentrator may fill the Cloud with, and that the others do not notice."""

import json
from typing import Any

import pytest
from smartmeter.wire import topics
from smartmeter_cloud.ingest.message import ADAPTER_STATUS_MAX, STATUS_MAX, MessageBatch
from smartmeter_cloud.store import households, status_quota
from smartmeter_cloud.store.rows import Meter
from smartmeter_cloud.store.sql import SqlStore

from tests.cloud.api_process import Site, call
from tests.cloud.harness import encoded, reading
from tests.cloud.stores import opens, store  # noqa: F401

NOW = 1790000000_000
DEEP = b'{"a":' + b"[" * 987 + b"]" * 987 + b"}"


def taken(
    meter: str, document: Any, specific: str = "reading", house: str = "evil"
) -> MessageBatch:
    batch = MessageBatch()
    payload = document if isinstance(document, bytes) else encoded(document)
    batch.add(topics.uplink(house, meter, specific), payload, NOW)
    return batch


@pytest.mark.parametrize("payload", [DEEP, b'{"a":' * 9 + b"1" + b"}" * 9])
@pytest.mark.parametrize("kind", ["adapter", "concentrator"])
def test_a_status_that_is_nested_too_deeply_is_a_dead_letter(kind: str, payload: bytes) -> None:
    batch = MessageBatch()
    topic = (
        topics.uplink("evil", "m", "status") if kind == "adapter" else "concentrator/evil/status"
    )
    batch.add(topic, payload, NOW)
    assert batch.boxes == []
    (dead,) = batch.dead
    assert dead.reason == "not a status: more than 8 levels of objects and arrays"


def test_the_status_of_an_adapter_is_bounded_as_on_the_lan() -> None:
    long = {"a": "x" * ADAPTER_STATUS_MAX}
    (dead,) = taken("m", long, "status").dead
    assert dead.reason.endswith("16384 are allowed")
    batch = MessageBatch()
    batch.add("concentrator/evil/status", encoded({"a": "x" * (STATUS_MAX - 100)}), NOW)
    assert not batch.dead  # a Concentrator names each of its meters


def test_statuses_of_made_up_meters_are_not_kept(store: SqlStore) -> None:  # noqa: F811
    store.add_meter(Meter("planned", "home", "", ""))
    store.write(taken("m1", reading(1)))
    for meter in ("m1", "planned", "made-up-1", "made-up-2"):
        store.write(taken(meter, {"state": "online"}, "status"))
    assert sorted(box.name for box in store.boxes()) == ["m1", "planned"]
    assert store.counters()["ignored"] == 2


def test_all_statuses_of_a_concentrator_together_are_bounded(
    store: SqlStore,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(status_quota, "BYTES_MAX", 5000)
    long = {"a": "x" * 900}
    for i in range(20):
        store.write(taken(f"m{i}", reading(1)))
        store.write(taken(f"m{i}", long, "status"))
    kept = store.boxes()
    assert len(kept) == 5
    for _ in range(20):  # a status that replaces one needs no further room
        store.write(taken(kept[0].name, long | {"n": 1}, "status"))
    statuses = {box.name: json.loads(box.status or "") for box in store.boxes()}
    assert statuses[kept[0].name]["n"] == 1
    store.write(taken("other", reading(1), house="honest"))
    store.write(taken("other", long, "status", house="honest"))
    assert "other" in [box.name for box in store.boxes()]


def test_one_meter_too_many_of_a_concentrator_is_refused_and_kept_there(
    store: SqlStore,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(households, "METERS_MAX", 3)
    for i in range(3):
        store.write(taken(f"m{i}", reading(1)))
    batch = taken("m3", reading(1))
    store.write(batch)
    ((refused,),) = batch.refused.values()
    assert not refused.final
    assert not batch.receipts
    assert "delete meters" in refused.reason
    assert store.write(taken("m0", reading(2))) == (1, 0)
    assert store.write(taken("other", reading(1), house="honest")) == (1, 0)
    store.forget_meter("m1")
    assert store.write(taken("m3", reading(1))) == (1, 0)


def test_a_household_reads_the_chain_of_its_own_meters_only(guarded: Site) -> None:
    """What another one has stored costs it nothing: the store is not even asked for it."""
    for i in range(50):
        topic = topics.uplink("house-2", f"n{i}", "reading")
        guarded.take(topic, reading(1))
        guarded.take(topics.uplink("house-2", f"n{i}", "status"), {"a": "x" * 16_000})
    smith, jones = guarded.key("read", "smith"), guarded.key("read", "jones")
    boxes = call(guarded, "GET", "v1/chain", key=smith)[1]["boxes"]
    assert {b["id"] for b in boxes if b["kind"] != "store"} <= {"m1", "house-1", ""}
    assert len(call(guarded, "GET", "v1/chain", key=jones)[1]["boxes"]) > 100
    assert [box.name for box in guarded.store.boxes(frozenset({"smith"}))] == ["house-1"]
