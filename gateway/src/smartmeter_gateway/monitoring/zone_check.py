"""Notices a meter whose times are whole hours off: its time zone is set wrong."""

import time
from dataclasses import dataclass, field

_HOUR_S = 3600
_NEAR_S = 30  # of a whole hour: meters' clocks are seldom more than half a minute wrong
_READINGS = 5
# A backlog is late by anything, whole hours included, but not for long by the same time.
_SECONDS = 5.0


@dataclass
class ZoneCheck:
    """One meter's. It counts readings in a row that are off by the same whole hours."""

    hours: int = 0
    count: int = 0
    since: float = field(default_factory=time.monotonic)

    def note(self, ahead: float) -> int | None:
        """The hours that the times are ahead: 0 if they are right, None if it is not certain.

        ahead: seconds from the arrival of a reading to its own time.
        """
        hours = round(ahead / _HOUR_S)
        if abs(ahead - hours * _HOUR_S) > _NEAR_S:
            self.count = 0
            return None
        if hours != self.hours or not self.count:
            self.hours, self.count, self.since = hours, 0, time.monotonic()
        self.count += 1
        if not hours:
            return 0
        lasting = time.monotonic() - self.since >= _SECONDS
        return hours if self.count >= _READINGS and lasting else None


def sentence(meter: str, hours: int) -> str:
    """The alarm: what is wrong, and what to set."""
    off = f"{abs(hours)} h {'ahead of' if hours > 0 else 'behind'}"
    return (
        f"{meter}: the meter's times are {off} their arrival, so its time zone is wrong. "
        'Set zone = "Europe/Vilnius" or the like: in [[port]] or [[meter]], or in the section '
        "[meter] of an adapter by tools.provision"
    )
