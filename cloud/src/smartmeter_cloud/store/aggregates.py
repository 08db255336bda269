"""What all households used together, published so that nobody learns what one of them used.

The attacker may ask for sums as often as they like and knows all readings of their own households.
They send whatever they like for these households: invented meters, backdated readings, deletions
at any time. They cannot make households: only an administrator of the whole Cloud does that.

They know their own part of a sum and can subtract it. So a sum is published to them only if LEAST
other households used something in that hour. Households are counted, because one household can
invent any number of meters. Each of these rules closes one way around that:

- A sum is computed once and stays as it is. Otherwise the change that a late or deleted meter
  makes would be that meter's own use.
- The households that a sum was made of are kept with it. Otherwise attackers would delete or move
  their meters afterwards, and the rest would seem to be larger than it is.
- Only whole hours are published, the same for everybody. A day is the sum of its published hours.
  Otherwise a day minus its hours would be the hour that too few households made up.
- A household counts only if it imported (or exported) something in that hour. Anyone who knows
  that 24 of 25 roofs have no solar cells could otherwise read the export of the last one.
- Sub-meters do not count: the main meter has their electricity, and gas is measured in m3.
- A meter counts from SETTLING_MS after the Cloud first heard of it, by the Cloud's clock. Invented
  meters cannot be backdated, and an administrator has time to see them.

This is a threshold on distinct contributors, with query overlap ruled out by fixed cells (Denning
and Schloerer, "Inference Controls for Statistical Databases", IEEE Computer 16(7), 1983). It does
not hide who is by far the largest consumer, and not enough against LEAST households that collude.
An administrator who moves a meter to another household hands over its past, these sums included.
"""

from collections.abc import Iterable
from datetime import tzinfo

from smartmeter_cloud.store.rows import Sum
from smartmeter_cloud.store.session import Session
from smartmeter_cloud.store.slices import HOUR, HOUR_MS, day_start

LEAST = 20  # other households; the specification's least number
SETTLED_MS = 24 * HOUR_MS  # after an hour's end; until then most of what is late has come
SETTLING_MS = 7 * 24 * HOUR_MS  # of a new meter; weekly, an administrator has seen it

# Wh by household for hours that are not frozen yet; _HIDE replaces them in the same transaction.
_SHARES = """
INSERT INTO told_household (start, household, drawn, fed)
SELECT r.start, m.household, sum(r.drawn_used), sum(r.fed_used)
FROM rollup r JOIN meter m ON m.id = r.meter
WHERE r.tier = ? AND r.start >= ? AND r.start < ? AND r.start <= ? AND m.added <= r.start - ?
    AND m.medium = ''
    AND r.start NOT IN (SELECT start FROM told_sum)
    AND r.start NOT IN (SELECT start / ? * ? FROM dirty)
GROUP BY r.start, m.household
"""
_FREEZE = """
INSERT INTO told_sum (start, drawn_households, drawn, fed_households, fed)
SELECT start, count(CASE WHEN drawn > 0 THEN 1 END), coalesce(sum(drawn), 0),
    count(CASE WHEN fed > 0 THEN 1 END), sum(fed)
FROM told_household WHERE start NOT IN (SELECT start FROM told_sum)
GROUP BY start HAVING count(CASE WHEN drawn > 0 THEN 1 END) >= ?
"""
_HIDE = """
UPDATE told_household SET drawn = CASE WHEN drawn > 0 THEN 1 ELSE 0 END,
    fed = CASE WHEN fed > 0 THEN 1 ELSE 0 END
WHERE start >= ? AND start < ? AND (drawn NOT IN (0, 1) OR fed NOT IN (0, 1))
"""


def hours(
    db: Session, start: int, end: int, households: frozenset[str] | None, now: int
) -> list[Sum]:
    """The hours in [start, end) that LEAST households other than the asker's make up.

    households: the asker's own; None for who sees all readings anyway, or none at all.
    """
    _freeze(db, start, end, now)
    own = sorted(households or ())
    marks = ", ".join("?" * len(own)) or "NULL"
    counted = (
        f"(SELECT count(*) FROM told_household h WHERE h.start = s.start AND h.{{}} > 0 "  # noqa: S608
        f"AND h.household IN ({marks}))"
    )
    rows = db.all(
        "SELECT start, drawn_households, drawn, "  # noqa: S608
        f"CASE WHEN fed_households - {counted.format('fed')} >= ? THEN fed END FROM told_sum s "
        "WHERE start >= ? AND start < ? "
        f"AND drawn_households - {counted.format('drawn')} >= ? ORDER BY start",
        (*own, LEAST, start, end, *own, LEAST),
    )
    return [Sum(start, 1, households, drawn, fed) for start, households, drawn, fed in rows]


def _freeze(db: Session, start: int, end: int, now: int) -> None:
    """Computes the sums of completed hours that have none yet. They never change again."""
    latest = now - HOUR_MS - SETTLED_MS
    db.run(_SHARES, (HOUR, start, end, latest, SETTLING_MS, HOUR_MS, HOUR_MS))
    db.run(_FREEZE, (LEAST,))
    db.run("DELETE FROM told_household WHERE start NOT IN (SELECT start FROM told_sum)")
    db.run(_HIDE, (start, end))


def days(told: Iterable[Sum], zone: tzinfo) -> list[Sum]:
    """The same by local days; a day's households are those of the hour that had the fewest."""
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
            min(before.households, one.households),
            before.drawn + one.drawn,
            sum(fed) if fed else None,
        )
    return [made[start] for start in sorted(made)]
