"""Clusters a completed day in PostgreSQL: a meter's readings are then side by side.

Readings are stored in the order of their arrival, so each of a meter's 17 280 of a day is in
another page. A chart of the day reads all of these. Side by side they are some hundred pages.
"""

import logging
import time
from datetime import datetime, tzinfo

import psycopg

from smartmeter_cloud.store.interface import StoreUnavailable
from smartmeter_cloud.store.session import Session

# Queries on that day wait (10 s for 2 GB), so this runs at night. A larger day is left alone: it
# has so many meters that each has few readings in it.
NIGHT = range(2, 5)  # local hours
BYTES_MAX = 2 * 1024**3
LOCK_SECONDS = 2  # wait for queries on that day; nobody queues behind us for longer

_log = logging.getLogger("smartmeter_cloud.history.upkeep")


def is_night(now: int, zone: tzinfo) -> bool:
    return datetime.fromtimestamp(now // 1000, zone).hour in NIGHT


def cluster(db: Session, before: str) -> bool:
    """Cluster the newest unclustered partition before that name; whether there was one.

    Raises StoreUnavailable if the partition is in use.
    """
    found = db.one(
        "SELECT c.relname, i.indexrelid::regclass::text "
        "FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid "
        "WHERE c.relname ~ '^reading_[0-9]{8}$' AND c.relname < ? AND i.indisprimary "
        "AND NOT i.indisclustered AND pg_total_relation_size(c.oid) BETWEEN 1 AND ? "
        "ORDER BY c.relname DESC LIMIT 1",
        (before, BYTES_MAX),
    )
    if found is None:
        return False
    table, index = found
    begin = time.monotonic()
    db.run("SET LOCAL statement_timeout = 0")
    db.run(f"SET LOCAL lock_timeout = '{LOCK_SECONDS}s'")
    db.run(f"CLUSTER {table} USING {index}")
    db.run(f"ANALYZE {table}")
    _log.info("clustered %s in %.1f s", table, time.monotonic() - begin)
    return True


def in_use(error: StoreUnavailable) -> bool:
    return isinstance(error.__cause__, psycopg.errors.LockNotAvailable)
