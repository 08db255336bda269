"""Notices a meter whose times are whole hours off: its time zone is set wrong."""

from smartmeter_cloud.store.interface import Store
from smartmeter_cloud.store.rows import Newest, Reading

_HOUR_MS = 3_600_000
_NEAR_MS = 30_000  # of a whole hour: meters' clocks are seldom more than half a minute wrong
_READINGS = 5
_SPAN_MS = 300_000  # a few of the arrays that a Concentrator sends once a minute
_MOST = 400  # readings of that time, one a second


def hours_off(store: Store, newest: Newest) -> int:
    """The whole hours by which the times of a meter's last readings are ahead of their arrival.

    0 if they are right, or off by anything else. A backlog arrives at once, so it does not count.
    """
    hours = _hours(newest.reading)
    if not hours or newest.medium.name:  # a sub-meter's value may be an hour old
        return 0
    time = newest.reading.time
    begin = time - max(_SPAN_MS, 2 * _READINGS * (newest.gap or 0))
    last = store.readings(newest.reading.meter, (begin, -1), time + 1, (), (), _MOST)
    if len(last) < _READINGS or any(_hours(reading) != hours for reading in last):
        return 0
    arrived = last[-1].received - last[0].received
    return hours if 2 * arrived >= last[-1].time - last[0].time else 0


def _hours(reading: Reading) -> int:
    """0 if the reading is stamped by its adapter, or near no whole hour."""
    ahead = reading.time - reading.received
    hours = round(ahead / _HOUR_MS)
    near = abs(ahead - hours * _HOUR_MS) <= _NEAR_MS
    return hours if near and reading.clock == "meter" else 0
