"""When a meter was last heard. What arrives late, out of a backlog, is not counted."""

from smartmeter_cloud.history.zone_check import hours_ahead
from smartmeter_cloud.monitoring.chain import silent_after
from smartmeter_cloud.store.rows import Newest

# Meters' clocks drift by minutes; a meter whose clock is this slow would look silent.
_LATE_MS = 1_800_000
_ZONES_H = 26  # between the time zones that are farthest apart


def heard(newest: Newest) -> int:
    """ms since 1970: when its newest reading arrived, or that reading's own time if it was late.

    A clock that is wrong by days or by a time zone says nothing about lateness.
    """
    reading = newest.reading
    usual = max(_LATE_MS, silent_after(newest.gap, bool(newest.medium.name)))
    is_late = reading.received - reading.time > usual
    is_zone = 0 < abs(hours_ahead(reading)) <= _ZONES_H
    return reading.time if is_late and not is_zone and not reading.suspect else reading.received
