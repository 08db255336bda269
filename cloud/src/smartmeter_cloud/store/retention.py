"""Deletes old data, and deletes a meter completely."""

# ruff: noqa: S608 (SQL is put together from this program's own constants)

from smartmeter.wire import topics

from smartmeter_cloud.config.settings import Retention
from smartmeter_cloud.store.session import Session
from smartmeter_cloud.store.slices import HOUR, QUARTER

DAY_MS = 86_400_000
ROWS_AT_A_TIME = 5000  # in one transaction, so that ingest never waits long


def forget_readings(db: Session, until: int, received_until: int, table: str = "reading") -> int:
    """Deletes some readings before until (ms); returns how many.

    A dirty slice keeps its readings until it is rolled up, because the rest of them would make a
    wrong slice. The age of readings with a wrong clock is that of their arrival.
    """
    for (meter,) in db.all("SELECT id FROM meter ORDER BY id"):
        row = db.one(
            f"SELECT time FROM {table} WHERE meter = ? AND time < ? ORDER BY time LIMIT 1 OFFSET ?",
            (meter, until, ROWS_AT_A_TIME),
        )
        bound = row[0] if row else until
        dirty = db.one("SELECT min(start) FROM dirty WHERE meter = ?", (meter,))
        if dirty and dirty[0] is not None:
            bound = min(bound, dirty[0])
        gone = db.run(f"DELETE FROM {table} WHERE meter = ? AND time < ?", (meter, bound))
        gone += db.run(
            f"DELETE FROM {table} WHERE meter = ? AND time > ? AND suspect = 1 AND received < ?",
            (meter, received_until + DAY_MS, received_until),
        )
        if gone:
            return gone
    return 0


def forget_slices(db: Session, retention: Retention, now: int) -> int:
    """Deletes slices that are older than their limit; returns how many."""
    gone = 0
    for tier, days in ((QUARTER, retention.quarters), (HOUR, retention.hours)):
        if days is not None:
            gone += db.run(
                "DELETE FROM rollup WHERE tier = ? AND start < ?", (tier, now - days * DAY_MS)
            )
    return gone


def forget_expired(db: Session, now: int) -> int:
    """Deletes keys, sessions, downloads and invitations that have expired; returns how many.

    Revoked certificates stay: without them, their Concentrator would not be known as revoked.
    """
    return (
        db.run("DELETE FROM download WHERE until <= ?", (now,))
        + db.run("DELETE FROM access_key WHERE expires <= ?", (now,))
        + db.run("DELETE FROM invitation WHERE expires <= ?", (now,))
    )


def forget_meter(db: Session, meter: int) -> int:
    """Deletes some of a meter's readings, and with the last of them its other data; how many."""
    row = db.one(
        "SELECT time FROM reading WHERE meter = ? ORDER BY time LIMIT 1 OFFSET ?",
        (meter, ROWS_AT_A_TIME),
    )
    if row:
        gone = db.run("DELETE FROM reading WHERE meter = ? AND time < ?", (meter, row[0]))
        if gone:
            return gone
    gone = db.run("DELETE FROM reading WHERE meter = ?", (meter,))
    for table in ("dirty", "rollup"):
        gone += db.run(f"DELETE FROM {table} WHERE meter = ?", (meter,))
    for (name,) in db.all("SELECT name FROM meter WHERE id = ?", (meter,)):
        db.run("DELETE FROM box WHERE kind = 'adapter' AND name = ?", (name,))
        # What could not be stored of it is the household's as well. "_" means any character there.
        topic = "%/" + topics.meter(name, topics.READING).replace("_", "!_") + "%"
        gone += db.run("DELETE FROM dead_letter WHERE topic LIKE ? ESCAPE '!'", (topic,))
    return gone + db.run("DELETE FROM meter WHERE id = ?", (meter,))
