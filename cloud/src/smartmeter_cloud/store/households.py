"""The households of meters and Concentrators, for ingest."""

import time
from collections.abc import Iterable

from smartmeter.submeters import CHANNELS, main_of

from smartmeter_cloud.store.rows import Meter
from smartmeter_cloud.store.session import Session

# Concentrators without a household belong here; in a home that is the only one.
DEFAULT = "home"

# A new meter belongs to the household of the Concentrator that first sends its readings.
NEW_METER = f"""
INSERT INTO meter (name, concentrator, added, household)
VALUES (?, ?, ?, coalesce((SELECT household FROM concentrator WHERE name = ?), '{DEFAULT}'))
ON CONFLICT (name) DO NOTHING
"""  # noqa: S608

METERS_MAX = 10_000  # of one Concentrator; it follows no more itself

# Why messages are refused, and what to do. The Concentrator shows it to its household.
FOREIGN = (
    "this meter belongs to another household than this Concentrator; an administrator of the Cloud "
    "can place either"
)
CROWDED = (
    f"this Concentrator already has {METERS_MAX} meters; an administrator of the Cloud can delete "
    "meters that do not exist"
)

KNOWN_SECONDS = 10.0  # what was asked is asked again then: an API process may have changed it
KNOWN_MAX = 200_000
NAMES_AT_A_TIME = 500  # in one statement


def new_meter(name: str, concentrator: str) -> tuple[str, str, int, str]:
    """The values of NEW_METER."""
    return name, concentrator, int(time.time() * 1000), concentrator


def of_households(households: frozenset[str] | None) -> tuple[str, tuple[str, ...]]:
    """A condition on the table meter, and its values: only those households; None is all."""
    if households is None:
        return "1 = 1", ()
    marks = ", ".join("?" * len(households))
    return f"household IN ({marks})" if marks else "1 = 0", tuple(sorted(households))


class Households:
    """Caches which (meter, Concentrator) belong together."""

    def __init__(self) -> None:
        self._together: dict[tuple[str, str], float] = {}

    def misplaced(
        self,
        db: Session,
        readings: Iterable[tuple[str, str]],
        statuses: Iterable[tuple[str, str]],
    ) -> dict[tuple[str, str], str]:
        """Those of (meter, Concentrator) that may not send, with the reason.

        They belong to different households, or the Concentrator has too many meters.

        A meter that is not known yet belongs where the first Concentrator does that sends
        readings of it. Statuses alone make no meter.
        """
        now = time.monotonic()
        pairs = dict.fromkeys([*readings, *statuses])
        unknown = [pair for pair in pairs if self._together.get(pair, 0.0) <= now]
        if not unknown:
            return {}
        concentrators = sorted({pair[1] for pair in unknown})
        db.many(
            "INSERT INTO concentrator VALUES (?, ?) ON CONFLICT (name) DO NOTHING",
            [(concentrator, DEFAULT) for concentrator in concentrators],
        )
        owner = _households(db, "concentrator", concentrators)
        house, crowded = self._claimed(db, unknown, set(readings), owner)
        misplaced = dict.fromkeys(crowded, CROWDED)
        if len(self._together) + len(unknown) > KNOWN_MAX:
            self._together.clear()
        for pair in unknown:
            if house.get(pair[0], owner[pair[1]]) != owner[pair[1]]:
                misplaced[pair] = FOREIGN
            elif pair[0] in house:
                self._together[pair] = now + KNOWN_SECONDS
        return misplaced

    def _claimed(
        self,
        db: Session,
        pairs: list[tuple[str, str]],
        readings: set[tuple[str, str]],
        owner: dict[str, str],
    ) -> tuple[dict[str, str], list[tuple[str, str]]]:
        """The household of each meter, and those of pairs whose meter is one too many.

        Meters with readings that are not known yet are made.
        """
        names = {pair[0] for pair in pairs}
        house = _households(db, "meter", sorted(names | set(filter(None, map(main_of, names)))))
        new: dict[str, str] = {}
        for meter, concentrator in pairs:
            if meter in house:
                continue
            main = main_of(meter)
            if main in house and house[main] != owner[concentrator]:
                house[meter] = house[main]  # a sub-meter belongs where its main meter does
            elif (meter, concentrator) in readings:
                new.setdefault(meter, concentrator)
        crowded = _crowded(db, new) if new else []
        for meter, _ in crowded:
            del new[meter]
        if new:
            rows = sorted(new.items())
            db.many(NEW_METER, [new_meter(meter, name) for meter, name in rows])
            # What another household's Concentrator has said of it before is not its adapter's.
            db.many(
                "DELETE FROM box WHERE kind = 'adapter' AND name = ? AND concentrator != ?", rows
            )
            # Another process may have made one at the same time: asked again, it is seen.
            house.update(_households(db, "meter", sorted(new)))
        return house, crowded


def _crowded(db: Session, new: dict[str, str]) -> list[tuple[str, str]]:
    """Those of the new meters (meter -> Concentrator) that the Concentrator has no room for."""
    found = []
    by_concentrator: dict[str, list[str]] = {}
    for meter, concentrator in new.items():
        by_concentrator.setdefault(concentrator, []).append(meter)
    for concentrator, meters in by_concentrator.items():
        row = db.one("SELECT count(*) FROM meter WHERE concentrator = ?", (concentrator,))
        room = max(0, METERS_MAX - (row[0] if row else 0))
        found += [(meter, concentrator) for meter in meters[room:]]
    return found


def submeters(db: Session, meter: str) -> list[str]:
    """The sub-meters of a meter: its id with a channel behind it, and of the same household.

    A main meter of an older installation may have such an id, but has no medium.
    """
    names = [f"{meter}-{channel}" for channel in CHANNELS]
    marks = ", ".join("?" * len(names))
    rows = db.all(
        f"SELECT name FROM meter WHERE name IN ({marks}) AND medium <> '' "  # noqa: S608
        "AND household = (SELECT household FROM meter WHERE name = ?) ORDER BY name",
        (*names, meter),
    )
    return [name for (name,) in rows]


def main_meter(meter: str, meters: Iterable[Meter]) -> str:
    """The id of a sub-meter's main meter; "" where it has none, or is none."""
    known = {one.name: one for one in meters}
    is_submeter = meter in known and known[meter].medium.name
    return main if is_submeter and (main := main_of(meter)) in known else ""


def of_meters(db: Session, meters: list[str]) -> dict[str, str]:
    """The household of each of these meters that exists."""
    return _households(db, "meter", meters)


def _households(db: Session, table: str, names: list[str]) -> dict[str, str]:
    """The household of each name; one that is not in the table is left out."""
    found: dict[str, str] = {}
    for i in range(0, len(names), NAMES_AT_A_TIME):
        some = names[i : i + NAMES_AT_A_TIME]
        marks = ", ".join("?" * len(some))
        sql = f"SELECT name, household FROM {table} WHERE name IN ({marks})"  # noqa: S608
        found.update(db.all(sql, some))
    return found
