"""The spool: bounded, durable, and able to go on after what happens to disks."""

import contextlib
import os
import random
import resource
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from smartmeter_gateway.intake.replay_guard import ReplayGuard
from smartmeter_gateway.spool.database import (
    Reader,
    Refused,
    Released,
    Spool,
    SpoolError,
    is_corrupt,
    set_aside,
)

from tests.gateway.conftest import Between
from tests.gateway.harness import Adapter, FakeCloud, eventually, reading

DAY = 86_400


def message(seq: int, meter: str = "m") -> tuple[str, str, bytes]:
    return meter, "reading", reading(seq)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "spool.db"


def test_rows_come_back_in_order_and_go_when_forgotten(path: Path) -> None:
    spool = Spool(path, 10_000_000, DAY)
    first = spool.write([message(1), message(2)], [], {}, 1000)
    second = spool.write([message(3)], [first[0].id], {"m": b'{"state":"online"}'}, 1001)
    reader = Reader(path)
    assert reader.after(0, 10, 10_000) == [first[1], *second]
    assert reader.after(first[1].id, 10, 10_000) == second
    assert reader.after(0, 1, 10_000) == [first[1]]
    assert len(reader.after(0, 10, 1)) == 1
    assert spool.rows == 2
    assert spool.oldest == 1000
    assert spool.statuses() == {"m": b'{"state":"online"}'}
    spool.write([], [first[1].id, second[0].id, 77], {"m": b""}, 1002)
    assert (spool.rows, spool.bytes, spool.oldest) == (0, 0, None)
    assert spool.statuses() == {}
    reader.close()
    spool.close()


@pytest.mark.parametrize("version", [1, 2, 3])
def test_a_spool_of_an_earlier_version_is_taken_over(path: Path, version: int) -> None:
    spool = Spool(path, 10_000_000, DAY)
    rows = spool.write([message(1)], [], {}, 1000)
    spool.close()
    with contextlib.closing(sqlite3.connect(path)) as c, c:
        c.execute("DROP TABLE state")
        c.execute("DROP TABLE forget")
        if version < 3:
            c.execute("DROP TABLE refused")
            c.execute("ALTER TABLE total DROP COLUMN refused_dropped")
        title = bytes.fromhex("4c475a0000000001")
        if version == 1:
            c.execute("DROP TABLE memory")
            c.execute("CREATE TABLE counter (meter TEXT, title BLOB, value INTEGER)")
            c.execute("INSERT INTO counter VALUES ('m', ?, 77), ('n', x'01', 5)", (title,))
        else:
            kept = b'{"counters":{"4c475a0000000001":77},"recent":[]}'
            c.execute("INSERT INTO memory VALUES ('m', ?), ('n', ?)", (kept, kept))
        c.execute(f"PRAGMA user_version = {version}")
    for _ in range(2):
        spool = Spool(path, 10_000_000, DAY)
        replay_guards = {meter: ReplayGuard(kept) for meter, kept in spool.replay_guards().items()}
        assert replay_guards["m"].counters == {title: 77}
        assert not replay_guards["n"].has(b"a telegram")
        spool.close()
    reader = Reader(path)
    assert reader.after(0, 10, 10_000) == rows
    reader.close()


def test_a_meter_that_is_forgotten_keeps_its_messages_alone(path: Path) -> None:
    spool = Spool(path, 10_000_000, DAY)
    spool.write([message(1)], [], {"m": b"s"}, 0, {"m": b"g"}, states={"m": b"{}", "n": b"{}"})
    spool.write([], [], {}, 0, forgotten={"m"})
    assert (spool.statuses(), spool.replay_guards(), spool.states()) == ({}, {}, {"n": b"{}"})
    assert spool.rows == 1
    spool.close()


def test_numbers_never_return(path: Path) -> None:
    """A late receipt for a row of before must not delete another one."""
    spool = Spool(path, 10_000_000, DAY)
    (row,) = spool.write([message(1)], [], {}, 0)
    spool.write([], [row.id], {}, 0)
    spool.close()
    spool = Spool(path, 10_000_000, DAY)
    (later,) = spool.write([message(2)], [], {}, 0)
    assert later.id > row.id
    spool.close()
    set_aside(path)
    spool = Spool(path, 10_000_000, DAY)
    (latest,) = spool.write([message(3)], [], {}, 0)
    assert latest.id > later.id
    spool.close()


def test_full_by_bytes_or_days_drops_the_oldest_and_counts(path: Path) -> None:
    spool = Spool(path, 1_000_000, DAY)
    for begin in range(0, 6000, 100):
        spool.write([message(seq) for seq in range(begin, begin + 100)], [], {}, 1000)
        assert spool.bytes <= 1_000_000
    assert spool.dropped + spool.rows == 6000
    assert spool.rows > 2000
    reader = Reader(path)
    kept = reader.after(0, 10_000, 1 << 30)
    assert kept[-1].payload == reading(5999)
    assert len(kept) == spool.rows
    dropped = spool.dropped
    spool.write([message(6000)], [], {}, 1000 + DAY + 10)
    assert spool.rows == 1
    assert spool.dropped == dropped + len(kept)
    spool.close()
    spool = Spool(path, 1_000_000, DAY)
    assert (spool.rows, spool.dropped) == (1, dropped + len(kept))
    reader.close()
    spool.close()


def test_age_is_no_loss_in_a_history(path: Path) -> None:
    spool = Spool(path, 1_000_000, DAY, history=True)
    spool.write([message(1)], [], {}, 0)
    spool.write([message(2)], [], {}, 2 * DAY)
    assert (spool.rows, spool.dropped) == (1, 0)
    spool.close()


def test_the_figures_are_those_of_the_file(path: Path) -> None:
    """rows and bytes are counted along the way; they must be what the file holds."""
    chance = random.Random(1)
    spool = Spool(path, 50_000, DAY)
    ids: list[int] = []
    for round in range(200):
        forget = [ids.pop(chance.randrange(len(ids))) for _ in range(min(len(ids), 3))]
        new = [message(chance.randrange(10**9)) for _ in range(chance.randrange(6))]
        ids += [row.id for row in spool.write(new, forget, {}, round * 600)]
    rows = Reader(path).after(0, 100_000, 1 << 30)
    assert spool.rows == len(rows)
    assert spool.bytes == sum(len(row.payload) + 120 for row in rows)
    spool.close()


def test_a_spool_of_a_newer_version_is_left_alone(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(SpoolError, match="newer version"):
        Spool(path, 1, 1)


def test_garbage_is_told_from_a_spool(path: Path) -> None:
    path.write_bytes(b"no database at all" * 1000)
    with pytest.raises(sqlite3.DatabaseError) as caught:
        Spool(path, 1, 1)
    assert is_corrupt(caught.value)


@pytest.mark.parametrize("what", ["garbage", "cut"])
def test_a_damaged_file_is_set_aside_and_all_goes_on(
    what: str, between: Between, adapter: Adapter, cloud: FakeCloud
) -> None:
    if what == "garbage":
        between.spool.write_bytes(os.urandom(100_000))
    else:
        spool = Spool(between.spool, 10_000_000, 10 * 365 * DAY)
        spool.write([message(seq) for seq in range(2000)], [], {}, 1_790_000_000)
        spool.close()
        content = bytearray(between.spool.read_bytes())
        content[8192:200_000] = os.urandom(200_000 - 8192)
        between.spool.write_bytes(content)
    between.process.start().says("was damaged; it is kept as spool.db.corrupt-")
    between.process.says("LAN broker: connected")
    adapter.publish_and_wait("m", reading(9001))
    eventually(lambda: 9001 in cloud.seqs("m"))
    assert list(between.folder.glob("spool.db.corrupt-*"))
    eventually(lambda: any("damaged" in a for a in cloud.statuses["home"]["alarms"]))


def test_a_full_disk_stops_acknowledging_and_goes_on_by_itself(
    between: Between, adapter: Adapter, cloud: FakeCloud
) -> None:
    """RLIMIT_FSIZE stands for a full disk: SQLite gets an error from the write either way."""
    between.process.start().says("LAN broker: connected")
    adapter.publish_and_wait("m", reading(1))
    eventually(lambda: cloud.seqs("m") == {1})
    assert between.process.process is not None
    pid = between.process.process.pid
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (30_000, resource.RLIM_INFINITY))
    for seq in range(2, 400):
        adapter.publish("m", reading(seq))
    between.process.says("the spool cannot be written")
    assert cloud.seqs("m") != set(range(1, 400))
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
    between.process.says("over: the spool cannot be written")
    eventually(lambda: cloud.seqs("m") == set(range(1, 400)))


def test_a_full_spool_drops_the_oldest_and_says_so(between: Between, adapter: Adapter) -> None:
    between.configure("[spool]\nmegabytes = 1", resend_after=1)
    between.cloud.stop()
    between.process.start().says("LAN broker: connected")
    for seq in range(5000):
        adapter.publish("m", reading(seq))
    between.process.says("the spool was full: its oldest readings were dropped")
    adapter.publish_and_wait("m", reading(5000))
    between.cloud.start()
    with FakeCloud(between.cloud.port) as cloud:
        eventually(lambda: 5000 in cloud.seqs("m"))
        eventually(lambda: cloud.statuses["home"]["spool"]["rows"] == 0)
        dropped = cloud.statuses["home"]["spool"]["dropped"]
        assert len(cloud.store) + dropped == 5001
        assert cloud.seqs("m") == set(range(dropped, 5001))


def test_a_killed_writer_leaves_every_commit_it_told_of(path: Path) -> None:
    """A process that writes and says what it committed, killed five times at any moment."""
    program = (
        "import sys; from pathlib import Path\n"
        "from smartmeter_gateway.spool.database import Spool\n"
        "spool = Spool(Path(sys.argv[1]), 1 << 30, 1 << 30)\n"
        "while True:\n"
        "    rows = spool.write([('m', 'reading', b'%d' % n) for n in range(7)], [], {}, 0)\n"
        "    print(rows[-1].id, flush=True)\n"
    )
    chance = random.Random(2)
    told = 0
    for _ in range(5):
        writer = subprocess.Popen(
            [sys.executable, "-c", program, str(path)], stdout=subprocess.PIPE, text=True
        )
        assert writer.stdout is not None
        first = writer.stdout.readline()  # by now it writes
        timer = threading.Timer(chance.uniform(0.0, 0.3), writer.kill)
        timer.start()
        lines = [first, *writer.stdout.read().splitlines()]
        writer.wait()
        told = max([told, *(int(line) for line in lines if line)])
    spool = Spool(path, 1 << 30, 1 << 30)
    assert spool.rows % 7 == 0
    assert spool.next > told
    assert len(Reader(path).after(0, 1 << 30, 1 << 40)) == spool.rows
    spool.close()


def test_refused_messages_go_first_where_the_spool_is_full(path: Path) -> None:
    spool = Spool(path, 1_000_000, DAY)
    refused = spool.write([message(seq, "refused") for seq in range(1500)], [], {}, 1000)
    spool.write([], [], {}, 1000, marks=[Refused([row.id for row in refused])])
    assert (spool.refused, spool.refused_dropped) == (1500, 0)
    for begin in range(10_000, 13_000, 100):
        spool.write([message(seq) for seq in range(begin, begin + 100)], [], {}, 1000)
    with contextlib.closing(Reader(path)) as reader:
        kept = reader.after(0, 10_000, 1 << 30)
    assert len(kept) == 3000  # everything that could still be delivered
    assert spool.refused == 1500 - spool.refused_dropped
    assert 0 < spool.dropped == spool.refused_dropped
    dropped = spool.refused_dropped
    spool.close()
    spool = Spool(path, 1_000_000, DAY)
    assert (spool.refused, spool.refused_dropped) == (1500 - dropped, dropped)
    spool.close()


def test_at_most_half_of_a_spool_is_refused_messages(path: Path) -> None:
    spool = Spool(path, 1_000_000, DAY)
    rows = spool.write([message(seq) for seq in range(3500)], [], {}, 1000)
    assert spool.dropped == 0
    spool.write([], [], {}, 1000, marks=[Refused([row.id for row in rows])])
    assert spool.refused_bytes <= 500_000
    assert spool.refused == spool.rows == 3500 - spool.dropped
    assert spool.dropped == spool.refused_dropped > 0
    spool.close()


def test_released_messages_are_read_again_in_their_order(path: Path) -> None:
    spool = Spool(path, 1_000_000, DAY)
    rows = spool.write([message(1, "a"), message(2, "b"), message(3, "a")], [], {}, 1000)
    ids = [row.id for row in rows]
    spool.write([], [], {}, 1000, marks=[Refused(ids), Released("b"), Refused([*ids[:1], 77])])
    reader = Reader(path)
    assert reader.after(0, 10, 10_000) == [rows[1]]
    assert reader.refused_meters() == ["a"]
    assert reader.first_refused("a") == reader.first_refused("") == rows[0]
    assert reader.first_refused("b") is None
    spool.write([], ids[:1], {}, 1000)
    assert spool.refused == 1
    spool.write([], [], {}, 1000, marks=[Released("")])
    assert reader.after(0, 10, 10_000) == rows[1:]
    assert (spool.refused, spool.refused_bytes) == (0, 0)
    reader.close()
    spool.close()
