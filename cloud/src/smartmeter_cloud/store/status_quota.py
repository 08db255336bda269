"""Which statuses of adapters are kept, and how much room a Concentrator has for them.

Pages and metrics read all statuses again and again, so their sizes add up for everybody.
"""

from smartmeter_cloud.monitoring.observations import Box
from smartmeter_cloud.store.households import of_meters
from smartmeter_cloud.store.session import Session

BYTES_MAX = 8_000_000  # of one Concentrator: 10 000 adapters of 500 bytes, and some more
KNOWN_MAX = 100_000  # Concentrators


class StatusQuota:
    """Caches how much room each Concentrator has used."""

    def __init__(self) -> None:
        self._used: dict[str, int] = {}

    def admitted(self, db: Session, boxes: list[Box]) -> list[Box]:
        """The boxes without statuses of unknown meters, and without those that find no room.

        An adapter sends its status each minute. So it is shown soon after its first reading.
        """
        names = sorted({box.meter for box in boxes if box.meter})
        if not names:
            return boxes
        known = of_meters(db, names)
        return [
            box for box in boxes if not box.meter or (box.meter in known and self._takes(db, box))
        ]

    def _takes(self, db: Session, box: Box) -> bool:
        size = len(box.status or "")
        used = self._used.get(box.concentrator)
        # A status that replaces one is counted twice, until all are counted again.
        if used is None or used + size > BYTES_MAX:
            found = db.one(
                "SELECT coalesce(sum(length(status)), 0) FROM box "
                "WHERE kind = 'adapter' AND concentrator = ? AND name != ?",
                (box.concentrator, box.name),
            )
            used = int(found[0]) if found else 0
        if used + size > BYTES_MAX:
            return False
        if len(self._used) >= KNOWN_MAX:
            self._used.clear()
        self._used[box.concentrator] = used + size
        return True
