"""The one way in, whatever brought a message: look at it, then spool it, or refuse and count it."""

from smartmeter import topics

from . import acceptance
from .acceptance import Refused
from .broker_link import Link
from .spooler import ONLY_ACKNOWLEDGE, Item, Spooler
from .status import METERS, Status


class Intake:
    """For any thread: item() looks at a message, put() spools what item() gave."""

    def __init__(self, spooler: Spooler, status: Status) -> None:
        self._status = status
        self.put = spooler.put

    def item(
        self,
        meter: str,
        specific: str,
        payload: bytes,
        way: str,
        mid: int = 0,
        link: Link | None = None,
    ) -> Item:
        """A message as the spool takes it; Refused where it may not enter.

        A reading that this meter's other way has just brought is acknowledged and not kept.
        """
        if not self._status.has_room(meter):
            raise Refused(METERS, "a meter beyond the number that can be followed")
        if specific == topics.STATUS:
            acceptance.status(payload)
        else:
            acceptance.bounded(payload)
            values = acceptance.reading(payload)
            if not self._status.seen(meter, values, way):
                # Acknowledged in its turn: behind the one that it doubles.
                return meter, ONLY_ACKNOWLEDGE, b"", mid, link
        return meter, specific, payload, mid, link
