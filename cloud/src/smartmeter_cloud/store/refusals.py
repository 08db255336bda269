"""Whose messages are refused, for `status`: one row for each meter of a Concentrator."""

import time

from smartmeter_cloud.store.rows import RefusedSender
from smartmeter_cloud.store.session import Session

# A Concentrator tries again each minute; what it no longer tries has been put right.
KEPT_MS = 86_400_000
ROWS_MAX = 10_000

_NOTE = """
INSERT INTO refused VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (concentrator, meter) DO UPDATE SET
    reason = excluded.reason, last = excluded.last, messages = refused.messages + excluded.messages
"""


def note(db: Session, concentrator: str, meter: str, reason: str, messages: int) -> None:
    """Some messages have just been refused. meter: "" where all of a Concentrator's are."""
    now = int(time.time() * 1000)
    if not db.one(
        "SELECT 1 FROM refused WHERE concentrator = ? AND meter = ?", (concentrator, meter)
    ):
        db.run("DELETE FROM refused WHERE last < ?", (now - KEPT_MS,))
        rows = db.one("SELECT count(*) FROM refused")
        if rows and rows[0] >= ROWS_MAX:
            return  # `counter` counts them all
    db.run(_NOTE, (concentrator, meter, reason, now, now, messages))


def known(db: Session) -> list[RefusedSender]:
    """All that have been refused within a day."""
    rows = db.all(
        "SELECT concentrator, meter, reason, first, last, messages FROM refused "
        "WHERE last >= ? ORDER BY concentrator, meter",
        (int(time.time() * 1000) - KEPT_MS,),
    )
    return [RefusedSender(*row) for row in rows]
