"""Which household a meter and a Concentrator belong to, as ingest needs to know it."""

import time
from collections.abc import Iterable

from smartmeter_cloud.store.session import Session

# A Concentrator that nobody has placed belongs here, and with it a home's only one.
DEFAULT = "home"

# A new meter belongs where the Concentrator that first sends for it does.
NEW_METER = f"""
INSERT INTO meter (name, concentrator, household)
VALUES (?, ?, coalesce((SELECT household FROM concentrator WHERE name = ?), '{DEFAULT}'))
ON CONFLICT (name) DO NOTHING
"""  # noqa: S608

KNOWN_SECONDS = 10.0  # what was asked is asked again then: an API process may have changed it
KNOWN_MAX = 200_000


class Households:
    """Remembers for a while which (meter, Concentrator) go together."""

    def __init__(self) -> None:
        self._together: dict[tuple[str, str], float] = {}

    def foreign(self, db: Session, pairs: Iterable[tuple[str, str]]) -> set[tuple[str, str]]:
        """Those of (meter, Concentrator) that belong to different households."""
        now = time.monotonic()
        found = set()
        for pair in sorted(pairs):
            if self._together.get(pair, 0.0) > now:
                continue
            concentrator = pair[1]
            db.run(
                "INSERT INTO concentrator VALUES (?, ?) ON CONFLICT (name) DO NOTHING",
                (concentrator, DEFAULT),
            )
            other = db.one(
                "SELECT 1 FROM meter, concentrator WHERE meter.name = ? "
                "AND concentrator.name = ? AND meter.household != concentrator.household",
                pair,
            )
            if other:
                found.add(pair)
            else:
                if len(self._together) >= KNOWN_MAX:
                    self._together.clear()
                self._together[pair] = now + KNOWN_SECONDS
        return found
