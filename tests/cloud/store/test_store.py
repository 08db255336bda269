"""What every store does, with SQLite and with a real PostgreSQL."""

import threading
import time
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
from smartmeter_cloud.ingest.message import MessageBatch
from smartmeter_cloud.monitoring.observations import Process
from smartmeter_cloud.store import clustering
from smartmeter_cloud.store.certificates import Revoked
from smartmeter_cloud.store.interface import StoreUnavailable
from smartmeter_cloud.store.postgresql import PostgresStore
from smartmeter_cloud.store.rows import Certificate, Invitation
from smartmeter_cloud.store.sql import SqlStore

from tests.cloud.harness import encoded, reading
from tests.cloud.store.test_rollups import NOON, at
from tests.cloud.stores import Opens, add, opens, store
from tools.environment.postgresql import Postgres

__all__ = ["opens", "store"]


def test_numbers_come_back_as_they_came(store: SqlStore) -> None:
    sent = {"v1_7_0": 133, "v31_7_0": 0.99, "v1_8_0": 123456789.1, "v3_8_0": -5, "v9_9_9": 1.25}
    add(store, "m1", at(0, **sent), at(1, v1_8_0=999999999999999))
    assert store.newest()[0].reading.values == {"1.8.0": 999999999999999}
    first = store.first_total("m1", "1.8.0", 0, 2**60)
    assert first is not None
    assert {k: repr(v) for k, v in first.values.items()} == {
        "1.7.0": "133", "31.7.0": "0.99", "1.8.0": "123456789.1", "3.8.0": "-5", "9.9.9": "1.25",
    }  # fmt: skip
    assert (first.time, first.seq, first.clock) == (NOON * 1000, 10_000_000, "meter")


def test_a_reading_is_stored_once(opens: Opens) -> None:
    first, second = opens(), opens()
    readings = [at(i) for i in range(5)]
    assert add(first, "m1", *readings, *readings) == (5, 5)
    assert add(second, "m1", *readings) == (0, 5)
    assert add(second, "m1", at(2) | {"seq": 1}) == (1, 0)
    assert add(second, "m2", at(2)) == (1, 0)
    assert first.counters() == {"stored": 7, "repeated": 10}


def test_all_of_a_batch_or_nothing(store: SqlStore) -> None:
    batch = MessageBatch()
    batch.add("concentrator/c/smartMeterMessage/m1/reading", encoded(at(0)), NOON * 1000)
    batch.boxes.append(("box",))  # type: ignore[arg-type]
    with pytest.raises(AttributeError):
        store.write(batch)
    assert store.newest() == []
    assert add(store, "m1", at(0)) == (1, 0)


def test_hostile_texts_are_texts(store: SqlStore) -> None:
    batch = MessageBatch()
    evil = "concentrator/\x00'; DROP TABLE reading; --/\xff"
    batch.add(evil, b"\x00\xff'\"", NOON * 1000)
    status = {"state": "\x00'; --", "a\u0000": "<script>"}
    batch.add("concentrator/c/status", encoded(status), NOON * 1000)
    store.write(batch)
    (dead,) = store.dead_letters(5)
    assert dead.payload == b"\x00\xff'\""
    assert [box.name for box in store.boxes()] == ["c"]


def test_the_newest_changes_are_seen_by_everyone(opens: Opens) -> None:
    writer, reader = opens(), opens()
    add(writer, "m1", at(0))
    add(writer, "m2", at(0))
    seen = max(n.change for n in reader.newest())
    assert reader.newest(seen) == []
    add(writer, "m1", at(5))
    (new,) = reader.newest(seen)
    assert (new.reading.meter, new.gap) == ("m1", 5000)
    add(writer, "m1", at(5 + 10_800))  # after an outage, which must not count
    assert reader.newest()[0].gap == 60_000
    add(writer, "m1", at(5 + 10_800 + 900))
    assert reader.newest()[0].gap == 240_000


def test_many_writers_lose_and_double_nothing(opens: Opens) -> None:
    stores = [opens() for _ in range(4)]
    reader = opens()
    seen: dict[str, int] = {}
    last = 0
    failures: list[BaseException] = []

    def write(one: SqlStore, offset: int) -> None:
        try:
            for i in range(25):
                add(one, f"m{offset % 2}", *[at(100 * i + k + offset) for k in range(20)])
                add(one, f"own{offset}", at(i))
                one.roll(5, 2**60)
        except BaseException as e:
            failures.append(e)

    threads = [threading.Thread(target=write, args=(s, i)) for i, s in enumerate(stores)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        for n in reader.newest(last):
            seen[n.reading.meter] = n.reading.seq
            last = max(last, n.change)
    assert not failures
    for n in reader.newest(last):
        seen[n.reading.meter] = n.reading.seq
    # A reader that only asks for what is new has missed nothing.
    assert seen == {n.reading.meter: n.reading.seq for n in reader.newest()}
    while reader.roll(50, 2**60):
        pass
    for meter in ("m0", "m1"):
        assert sum(s.n for s in reader.slices(meter, "quarter", 0, 2**60)) == 25 * 22
    counters = reader.counters()
    assert counters["stored"] == 2 * 25 * 22 + 4 * 25
    assert counters["stored"] + counters["repeated"] == 4 * 25 * 21


def test_a_meter_forgotten_by_another_process_may_come_back(opens: Opens) -> None:
    writer, other = opens(), opens()
    add(writer, "m1", at(0))
    other.forget_meter("m1")
    for _ in range(2):  # the first time the id it knew is refused, and forgotten
        try:
            add(writer, "m1", at(1))
            break
        except StoreUnavailable:
            continue
    assert [n.reading.seq for n in other.newest()] == [10_000_001]


def test_boxes_and_processes_are_kept_as_they_are_now(store: SqlStore) -> None:
    def status(document: Any, at_ms: int, retained: bool = False) -> None:
        batch = MessageBatch()
        payload = document if document == b"" else encoded(document)
        batch.add("concentrator/c/smartMeterMessage/m1/status", payload, at_ms, retained)
        store.write(batch)

    add(store, "m1", reading(1))
    status({"state": "online"}, 1000)
    status({"state": "online"}, 2000, retained=True)
    assert [(b.kind, b.name, b.concentrator, b.received) for b in store.boxes()] == [
        ("adapter", "m1", "c", 1000)
    ]
    status({"state": "offline"}, 3000, retained=True)
    assert store.boxes()[0].received == 3000
    status(b"", 4000)
    assert store.boxes() == []
    for beat in (5, 6):
        store.beat(Process("ingest", 1, beat, "{}"))
    assert store.processes() == [Process("ingest", 1, 6, "{}")]
    assert store.size() > 0


def test_power_by_slices(store: SqlStore) -> None:
    add(store, "m1", at(0, v1_7_0=100), at(10, v1_7_0=200, v2_7_0=0), at(700, v16_7_0=-5))
    buckets = store.power("m1", NOON * 1000, (NOON + 900) * 1000, 300_000)
    assert [tuple(b) for b in buckets] == [
        (NOON * 1000, 150, 100, 200),
        ((NOON + 600) * 1000, -5, -5, -5),
    ]
    assert store.power("none", 0, 2**50, 300_000) == []


def test_voltage_by_slices(store: SqlStore) -> None:
    first = at(0, v1_7_0=1, v32_7_0=230, v52_7_0=229.5)
    add(
        store,
        "m1",
        first,
        at(10, v32_7_0=232, v52_7_0=230.5),
        at(700, v1_7_0=1),
        at(1300, v72_7_0=228),
    )
    volts = store.voltage("m1", NOON * 1000, (NOON + 1800) * 1000, 600_000)
    assert volts == [
        (NOON * 1000, ((231, 230, 232), (230, 229.5, 230.5), None)),
        ((NOON + 1200) * 1000, (None, None, (228, 228, 228))),
    ]
    assert store.voltage("none", 0, 2**50, 600_000) == []


def test_what_was_written_is_there_after_the_server_died(postgres: Postgres) -> None:
    store = PostgresStore(postgres.create("died"))
    for i in range(50):
        add(store, "m1", at(i))
    postgres.kill()
    postgres.start()
    with pytest.raises(StoreUnavailable):
        store.newest()
    assert store.counters() == {"stored": 50}
    assert add(store, "m1", at(99), at(1)) == (1, 1)
    store.close()


def test_an_invitation_is_used_by_one(store: SqlStore) -> None:
    def certificate(serial: str, key: bytes, expires: int = 900) -> Certificate:
        return Certificate(serial, "house-1", key, 100, expires, None, b"der")

    store.invite(Invitation(b"old", "house-1", 50), 10)
    store.invite(Invitation(b"i", "house-1", 500), 60)
    assert store.invitations(0) == [Invitation(b"i", "house-1", 500)]
    assert store.invitation(b"i", 500) is None
    done: list[bool] = []

    def enrol(key: bytes) -> None:
        done.append(store.enrol(b"i", certificate(key.hex(), key)))

    threads = [threading.Thread(target=enrol, args=(bytes((i,)),)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(done) == [False, False, False, True]
    (one,) = store.certificates("house-1")
    used = store.invitation(b"i", 60)
    assert used is not None
    assert (used.enrolled, one.revoked, store.certificates("house-2")) == (one.key_digest, None, [])
    other = certificate("aa", b"k")._replace(concentrator="house-2")
    assert not store.renew(other, 60)  # it never enrolled
    store.invite(Invitation(b"ii", "house-2", 500), 60)
    assert store.enrol(b"ii", other)
    assert not store.renew(other._replace(serial="bb", key_digest=b"another key"), 60)
    assert not store.renew(other._replace(serial="bb"), 900)  # too late
    assert store.renew(other._replace(serial="bb", issued=901, expires=2000), 899)  # aa is over
    assert (store.revoke("house-1", 77), store.revoke("house-1", 78)) == (1, 0)
    assert store.revoked(80) == store.certificates("house-1") == [one._replace(revoked=77)]
    assert not store.renew(one._replace(serial="cc"), 80)  # it was revoked meanwhile
    assert ([i.concentrator for i in store.invitations(0)], len(store.certificates())) == (
        ["house-2"],
        2,
    )
    assert store.revoked(900) == []  # an expired certificate needs no list


def test_a_day_that_is_over_is_put_in_order_at_night(
    postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = PostgresStore(postgres.create("clustered"))
    day = int(time.time()) // 86_400 * 86_400 - 86_400
    for i in range(50):
        for meter in ("m1", "m2"):
            moment = datetime.fromtimestamp(day + i * 60, UTC).isoformat()
            add(store, meter, reading(i, moment), received=(day + i * 60) * 1000)
    table = f"reading_{datetime.fromtimestamp(day, UTC):%Y%m%d}"

    def on_disk() -> list[tuple[int, int]]:
        with store._reading() as db:
            return db.all(f"SELECT meter, seq FROM {table} ORDER BY ctid")

    as_it_came = on_disk()
    noon, night = (day + 36 * 3600) * 1000, (day + 27 * 3600) * 1000
    assert not store.cluster(noon)
    monkeypatch.setattr(clustering, "LOCK_SECONDS", 0.01)
    with psycopg.connect(postgres.url("clustered")) as user:
        user.execute(f"SELECT FROM {table}".encode())
        assert not store.cluster(night)
    assert on_disk() == as_it_came != sorted(as_it_came)
    assert store.cluster(night)
    assert on_disk() == sorted(as_it_came)
    assert not store.cluster(night)
    store.close()


def test_what_a_revoked_concentrator_sends_by_an_open_connection_is_not_taken(
    store: SqlStore,
) -> None:
    def sends(seq: int) -> MessageBatch:
        batch = MessageBatch()
        topic = "concentrator/house-1/smartMeterMessage/m1/"
        batch.add(f"{topic}reading", encoded(reading(seq)), 1790000000_000)
        batch.add(f"{topic}status", encoded({"seq": seq}), 1790000000_000)
        store.write(batch)
        return batch

    def certificate(serial: str) -> Certificate:
        now = int(time.time() * 1000)
        return Certificate(serial, "house-1", b"key", now, now + 10**9, None, b"")

    def enrols(serial: str) -> None:
        digest = serial.encode()
        store.invite(Invitation(digest, "house-1", 10**15), 0)
        assert store.enrol(digest, certificate(serial))

    enrols("1")
    assert len(sends(1).receipts["house-1"]) == 2
    store.revoke("house-1", 1)
    store._revoked = Revoked()  # or ten seconds later
    batch = sends(2)
    assert batch.receipts == {}
    assert [(r.final, r.scope) for r in batch.refusals["house-1"]] == [(False, "concentrator")] * 2
    assert store.newest()[0].reading.seq == 1
    assert [box.status for box in store.boxes()] == ['{"seq": 1}']
    (refused,) = store.refused_senders()
    assert "revoked" in refused.reason
    assert (refused.concentrator, refused.meter, refused.messages) == ("house-1", "", 2)
    assert store.counters() == {"stored": 1, "refused": 2}
    enrols("2")
    store._revoked = Revoked()
    assert len(sends(2).receipts["house-1"]) == 2
    assert store.newest()[0].reading.seq == 2


def test_a_renewal_beside_a_revocation_leaves_no_valid_certificate(store: SqlStore) -> None:
    def certificate(n: int) -> Certificate:
        return Certificate(f"{n:x}", "house-1", b"key", 0, 10**15, None, b"")

    for attempt in range(20):
        digest = bytes((attempt,))
        store.invite(Invitation(digest, "house-1", 10**15), 0)
        assert store.enrol(digest, certificate(attempt * 100))
        start = threading.Barrier(4)

        def renew(n: int, start: threading.Barrier = start) -> None:
            start.wait()
            store.renew(certificate(n), 1)

        threads = [threading.Thread(target=renew, args=(attempt * 100 + i,)) for i in range(1, 4)]
        for thread in threads:
            thread.start()
        start.wait()
        store.revoke("house-1", 1)
        for thread in threads:
            thread.join()
        assert all(c.revoked for c in store.certificates("house-1"))
