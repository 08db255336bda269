"""Which way holds a meter that has no clock, where it comes by several.

Where a meter tells the time, a reading that comes again by another way is known by it. Without,
each way stamps what it hears by its own clock and most count for themselves, so that no two
readings are the same by name. Then one way holds the meter at a time, the first that is heard;
what another brings meanwhile is a double. When it has been silent for three times its usual
distance, the next that is heard holds the meter.

All of it goes by the readings' own times and not by their arrival: what a way tells late, of a
time when it held the meter or nobody was heard, is no double.
"""

from collections import deque
from dataclasses import dataclass

_DISTANCES = 3
_LEAST_S, _MOST_S = 10.0, 300.0
# After the first reading, whose distance is not known yet: a minute is the longest push interval
# in use, and half of it again.
_UNKNOWN_S = 90.0
_APART_S = 2.0  # so far two clocks that NTP keeps may differ, told in whole seconds
_STRETCHES_MAX = 8  # what comes late is at most some minutes late


@dataclass(slots=True)
class _Stretch:
    """Readings of one way from begin to end (unix s) without a silence; count: distances + 1."""

    way: str
    begin: float
    end: float
    count: int = 1

    @property
    def until(self) -> float:
        """So long the way holds the meter if it says no more."""
        if self.count == 1:
            return self.end + _UNKNOWN_S
        usual = (self.end - self.begin) / (self.count - 1)
        return self.end + min(max(_DISTANCES * usual, _LEAST_S), _MOST_S)


class Holding:
    """One meter's."""

    def __init__(self) -> None:
        self._stretches: deque[_Stretch] = deque(maxlen=_STRETCHES_MAX)

    def takes(self, way: str, when: float) -> bool:
        """Whether a reading of that time (unix s) is to be kept; False: another way covers it."""
        own: _Stretch | None = None
        for stretch in self._stretches:
            if stretch.way == way and stretch.begin <= when <= stretch.until:
                own = stretch if own is None or stretch.end > own.end else own
        for stretch in self._stretches:
            if (
                stretch.way != way
                and stretch.begin - _APART_S <= when <= stretch.until
                # Of two that both go on it is the one that is ahead, or each would yield.
                and (own is None or stretch.end > own.end)
            ):
                return False
        if own is None:
            self._stretches.append(_Stretch(way, when, when))
        elif when > own.end:
            own.end = when
            own.count += 1
        return True
