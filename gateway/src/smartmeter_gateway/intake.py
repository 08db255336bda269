"""The one way in, whatever brought a message: look at it, spool it, or refuse and count it."""

from smartmeter import topics

from . import acceptance
from .acceptance import Refused
from .spooler import ONLY_ACKNOWLEDGE, Done, Spooler
from .status import METERS, Status


class Intake:
    """take() from any thread."""

    def __init__(self, spooler: Spooler, status: Status) -> None:
        self._spooler = spooler
        self._status = status

    def take(self, meter: str, specific: str, payload: bytes, way: str, done: Done | None) -> None:
        """Spool a message; done() is called once it is on disk. Refused where it may not enter.

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
                specific, payload = ONLY_ACKNOWLEDGE, b""
        self._spooler.put((meter, specific, payload, done))
