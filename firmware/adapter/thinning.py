"""Selects the readings to publish: all, or fewer if the settings set an interval or a deadband."""

import time

from .clock import ticks

TYPE_CHECKING = False  # what follows is for mypy; a device has no typing
if TYPE_CHECKING:
    from smartmeter import Reading

    from .settings import Section

# A meter's telegrams come a little early or late: one that is due by so much is taken.
_SLACK_MS = 500
# However still the power is, a reading goes out as often as this, or the meter would seem dead.
_LEAST_MS = 60_000
_NET_POWER = "16.7.0"


class Thinning:
    """interval: minimum seconds between readings. deadband: watts that count as a change."""

    def __init__(self, publish: "Section") -> None:
        self._interval_ms = 1000 * publish["interval"]
        self._deadband = 1000 * publish["deadband"]
        self._last: int | None = None  # ticks_ms
        self._power: int | None = None
        self.left_out = 0

    def wants(self, reading: "Reading") -> bool:
        now = ticks()
        power = _milliwatts(reading.values.get(_NET_POWER))
        if self._last is not None:
            since = time.ticks_diff(now, self._last)
            if since < self._interval_ms - _SLACK_MS or self._is_still(power, since):
                self.left_out += 1
                return False
        self._last = now
        self._power = power
        return True

    def _is_still(self, power: int | None, since: int) -> bool:
        if not self._deadband or power is None or self._power is None:
            return False
        return since < _LEAST_MS - _SLACK_MS and abs(power - self._power) < self._deadband


def _milliwatts(value: tuple[int, int] | None) -> int | None:
    if value is None:
        return None
    mantissa, exponent = value
    shift = exponent + 3
    factor: int = 10 ** abs(shift)
    return mantissa * factor if shift >= 0 else mantissa // factor
