"""How often something usually comes, and whether it is late."""

import msgspec

_TIMES = 3  # what is so many of its usual intervals late has ceased
_LEAST_S = 10.0  # an adapter that connects again takes so long
# What comes within a second comes at once: an adapter may send a minute of readings together.
_TOGETHER_S = 1.0
# A longer interval is learned faster than a shorter one: a few short ones in between are a burst.
_RISE, _FALL = 1 / 2, 1 / 16


class Rhythm(msgspec.Struct, array_like=True):
    """at: when it last came, unix s; usual: its interval in s, 0 while it has come only once.

    outlier: an interval that was too long to be usual. A second one in a row of outliers makes it
    usual, so an outage does not and a slower meter does.
    """

    at: float
    usual: float = 0.0
    outlier: float = 0.0

    def heard(self, now: float) -> None:
        """It has come."""
        gap = now - self.at
        if 0 <= gap < _TOGETHER_S:
            return
        self.at = now
        if gap < 0:  # this machine's clock was set
            return
        if not self.usual:
            self.usual = gap
        elif gap <= self._late:
            self.usual += (gap - self.usual) * (_RISE if gap > self.usual else _FALL)
        elif self.outlier:
            self.usual, self.outlier = min(gap, self.outlier), 0.0
        else:
            self.outlier = gap

    @property
    def _late(self) -> float:
        return max(_TIMES * self.usual, _LEAST_S)

    def until(self, unknown: float) -> float:
        """When it counts as ceased, unix s. unknown: its interval in s while that is not known."""
        return self.at + (self._late if self.usual else _TIMES * unknown)
