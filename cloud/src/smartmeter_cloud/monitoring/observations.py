"""What other rooms hand to monitoring. All times are ms since 1970 UTC."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple


class Box(NamedTuple):
    """A status message of a box; status None removes the box."""

    kind: str  # "concentrator" or "adapter"
    name: str
    concentrator: str
    status: str | None  # JSON text
    received: int
    retained: bool

    @property
    def meter(self) -> str:
        """The meter whose adapter it is of; "" for a Concentrator's own."""
        return self.name if self.kind == "adapter" else ""


class Process(NamedTuple):
    """A process of the Cloud and its last heartbeat."""

    name: str
    started: int
    beat: int
    state: str  # JSON text


class MeterActivity(NamedTuple):
    """When a meter's newest reading arrived, and the time between its last two readings.

    heard: when the meter was last alive, which is earlier if that reading came late.
    """

    name: str
    concentrator: str
    received: int
    heard: int
    suspect: bool  # its clock is wrong
    gap: int | None  # ms
    is_submeter: bool = False
    hours: int = 0  # that its last readings' times are ahead of their arrival: a wrong time zone


class Observations(NamedTuple):
    """The whole chain at one time."""

    meters: Sequence[MeterActivity]
    boxes: Sequence[Box]
    processes: Sequence[Process]
    counters: Mapping[str, int]  # of the store: stored, repeated, dead, ignored
    size: int  # of the store, in bytes
