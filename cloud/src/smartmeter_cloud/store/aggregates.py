"""Totals over all meters, so that two answers cannot be subtracted to reveal one household.

Only whole hours are published, and a day is the sum of its published hours. Otherwise a day minus
its hours would be the energy of a few meters in an unpublished hour. Published values stay as
they are. Otherwise the change by a late or deleted meter would be that meter's own energy.
"""

from collections.abc import Iterable
from datetime import tzinfo

from smartmeter_cloud.store.rows import Sum
from smartmeter_cloud.store.session import Session
from smartmeter_cloud.store.slices import HOUR, HOUR_MS, day_start

LEAST = 20  # distinct meters that have the total; the specification's least number
SETTLED_MS = 24 * HOUR_MS  # after an hour's end; most late data has arrived by then


def hours(db: Session, start: int, end: int, least: int, now: int) -> list[Sum]:
    """The hours in [start, end) with at least `least` meters, and LEAST."""
    db.run(
        "INSERT INTO told_sum "
        "SELECT start, count(drawn_used), sum(drawn_used), count(fed_used), sum(fed_used) "
        "FROM rollup WHERE tier = ? AND start >= ? AND start < ? AND start <= ? "
        "AND start NOT IN (SELECT start / ? * ? FROM dirty) "
        "GROUP BY start HAVING count(drawn_used) >= ? ON CONFLICT (start) DO NOTHING",
        (HOUR, start, end, now - HOUR_MS - SETTLED_MS, HOUR_MS, HOUR_MS, LEAST),
    )
    least = max(least, LEAST)
    rows = db.all(
        "SELECT start, meters, drawn, CASE WHEN fed_meters >= ? THEN fed END FROM told_sum "
        "WHERE start >= ? AND start < ? AND meters >= ? ORDER BY start",
        (least, start, end, least),
    )
    return [Sum(start, 1, meters, drawn, fed) for start, meters, drawn, fed in rows]


def days(told: Iterable[Sum], zone: tzinfo) -> list[Sum]:
    """The same by local days; a day's number of meters is that of its hour with the fewest."""
    made: dict[int, Sum] = {}
    for one in told:
        start = day_start(one.start, zone)
        before = made.get(start)
        if before is None:
            made[start] = one._replace(start=start)
            continue
        fed = [f for f in (before.fed, one.fed) if f is not None]
        made[start] = Sum(
            start,
            before.hours + 1,
            min(before.meters, one.meters),
            before.drawn + one.drawn,
            sum(fed) if fed else None,
        )
    return [made[start] for start in sorted(made)]
