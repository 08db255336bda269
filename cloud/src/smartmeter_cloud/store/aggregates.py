"""What all meters used together, told so that no difference of two answers is one household.

A sum is told for whole hours alone, and a day is the sum of its told hours: else a day less its
hours would be what few meters used in an hour that is not told. And a sum that was told stays as
it is: else what a late or deleted meter changes in it would be that meter's own.
"""

from collections.abc import Iterable
from datetime import tzinfo

from smartmeter_cloud.store.rows import Sum
from smartmeter_cloud.store.session import Session
from smartmeter_cloud.store.slices import HOUR, HOUR_MS, day_start

LEAST = 20  # distinct meters that have the total; the specification's least number
SETTLED_MS = 24 * HOUR_MS  # after an hour's end; until then most of what is late has come


def hours(db: Session, start: int, end: int, least: int, now: int) -> list[Sum]:
    """The hours in [start, end) that at least `least` meters make up, and LEAST."""
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
    """The same by local days; a day's meters are those of the hour that had the fewest."""
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
