"""What is kept for how long, and a meter that is taken out of everything."""

from smartmeter_cloud.config.settings import Retention
from smartmeter_cloud.ingest.message import MessageBatch
from smartmeter_cloud.store.rows import Invitation, Key
from smartmeter_cloud.store.slices import DAY, HOUR, QUARTER
from smartmeter_cloud.store.sql import SqlStore

from tests.cloud.harness import reading
from tests.cloud.store.test_rollups import FAR, NOON, at, roll, slices
from tests.cloud.stores import add, opens, store

__all__ = ["opens", "store"]

DAY_S = 86_400
NOW = NOON * 1000


def forget(store: SqlStore, retention: Retention) -> None:
    while store.forget(retention, NOW):
        pass


def times(store: SqlStore) -> list[int]:
    with store._reading() as db:
        return [row[0] for row in db.all("SELECT time FROM reading ORDER BY time")]


def fill(store: SqlStore) -> None:
    for days in (100, 50, 20, 1):
        add(store, "m1", *[at(-days * DAY_S + i, 1000 - days + i) for i in range(3)])


def test_each_tier_is_kept_as_long_as_it_is_said(store: SqlStore) -> None:
    fill(store)
    roll(store)
    forget(store, Retention(readings=10, quarters=30, hours=60))
    assert len(times(store)) == 3
    assert [len(slices(store, tier)) for tier in (QUARTER, HOUR, DAY)] == [2, 3, 4]
    forget(store, Retention(readings=None))
    assert len(times(store)) == 3


def test_what_is_not_rolled_up_yet_is_kept(store: SqlStore) -> None:
    fill(store)
    forget(store, Retention(readings=10))
    assert len(times(store)) == 12
    roll(store)
    forget(store, Retention(readings=10))
    assert len(slices(store, DAY)) == 4


def test_readings_of_a_wrong_clock_go_too(store: SqlStore) -> None:
    add(store, "m1", reading(1, "2099-01-01T00:00:00Z"), received=NOW - 100 * DAY_S * 1000)
    add(store, "m1", reading(2, "2001-01-01T00:00:00Z"), received=NOW)
    add(store, "m1", reading(3, "2099-01-01T00:00:00Z"), received=NOW)
    forget(store, Retention(readings=10))
    assert len(times(store)) == 1


def test_a_straggler_does_not_undo_what_was_rolled_up(store: SqlStore) -> None:
    fill(store)
    roll(store)
    before = slices(store, DAY)
    forget(store, Retention(readings=10))
    add(store, "m1", at(-50 * DAY_S + 1, 7, v1_7_0=5), at(-50 * DAY_S + 7, 8))
    roll(store)
    assert slices(store, DAY) == before


def test_many_are_forgotten_in_pieces(store: SqlStore) -> None:
    add(store, "m1", *[at(-50 * DAY_S + i, 1000) for i in range(12_000)])
    roll(store)
    pieces = 0
    while store.forget(Retention(readings=10), NOW):
        pieces += 1
    assert (pieces > 0, times(store)) == (True, [])
    assert slices(store, DAY)[0].n == 12_000


def test_a_meter_is_taken_out_of_everything(store: SqlStore) -> None:
    fill(store)
    add(store, "m2", at(0, 5))
    roll(store)
    add(store, "m1", at(5, 5))
    assert store.forget_meter("m1") > 12
    assert store.forget_meter("m1") == 0
    assert [n.reading.meter for n in store.newest()] == ["m2"]
    assert slices(store, DAY) == []
    with store._reading() as db:
        assert db.all("SELECT DISTINCT meter FROM dirty") == []
    add(store, "m1", at(6, 7))  # it may come back
    roll(store)
    assert store.roll(9, FAR) == 0
    assert [s.n for s in slices(store, DAY)] == [1]


def test_with_a_meter_go_its_sub_meters(store: SqlStore) -> None:
    gas = {"medium": "gas", "units": {"24.2.1": "m3"}}
    for meter in ("m1", "m1-1", "m1-8", "m1-9", "m11-1", "m1-1-1"):
        add(store, meter, at(0, v24_2_1=5) | gas)
    add(store, "m1-2", at(0, 5))  # of an older installation: a main meter
    add(store, "m1-3", at(0, v24_2_1=5) | gas)
    store.name_meter("m1-3", None, "another household")
    roll(store)
    store.forget_meter("m1")
    left = {"m1-2", "m1-3", "m1-9", "m11-1", "m1-1-1"}
    assert {meter.name for meter in store.meters()} == left
    with store._reading() as db:
        for table in ("reading", "rollup"):
            rows = db.all(f"SELECT DISTINCT meter FROM {table}")
            assert len(rows) == len(left)


def test_with_a_meter_go_the_messages_of_it_that_could_not_be_stored(store: SqlStore) -> None:
    batch = MessageBatch()
    for meter in ("a_b", "acb", "a_bc"):
        for specific in ("reading", "readings"):
            topic = f"concentrator/house-1/smartMeterMessage/{meter}/{specific}"
            batch.add(topic, b"not a reading", NOW)
    store.write(batch)
    add(store, "a_b", at(0, 5))
    store.forget_meter("a_b")
    left = {dead.topic.split("/")[3] for dead in store.dead_letters(10)}
    assert left == {"acb", "a_bc"}


def test_what_has_expired_is_deleted(store: SqlStore) -> None:
    """Keys, sessions, downloads and invitations; one that is valid stays."""
    for name, expires in ((b"old", NOW), (b"new", NOW + 1), (b"for ever", None)):
        store.add_key(Key(name, name.decode(), "read", None, 0, expires, False))
    for name, expires in ((b"old", NOW), (b"new", NOW + 1)):
        store.keep_download(name, "{}", expires, None)
        store.invite(Invitation(name, "house-1", expires), 0)
    forget(store, Retention(readings=None))
    assert {k.digest for k in store.access_keys()} == {b"new", b"for ever"}
    with store._reading() as db:
        assert db.all("SELECT digest FROM download") == [(b"new",)]
        assert db.all("SELECT digest FROM invitation") == [(b"new",)]
