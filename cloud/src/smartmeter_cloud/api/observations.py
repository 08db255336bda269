"""The store's knowledge of the chain, in the form that monitoring takes."""

from smartmeter_cloud.history.freshness import heard
from smartmeter_cloud.history.zone_check import ZoneChecks
from smartmeter_cloud.monitoring.observations import MeterActivity, Observations
from smartmeter_cloud.store.interface import Store
from smartmeter_cloud.store.rows import IMPORTED_CLOCK


def observe(
    store: Store, zones: ZoneChecks, households: frozenset[str] | None = None
) -> Observations:
    """Read the state of everything that these households may see; None: of all.

    Raises StoreUnavailable.
    """
    # No adapter has read a meter that only has imported readings.
    found = store.newest(0, households)
    newest = [n for n in found if n.reading.clock != IMPORTED_CLOCK]
    hours = zones.hours_off(store, newest)
    meters = [
        MeterActivity(
            n.reading.meter,
            n.concentrator,
            n.reading.received,
            heard(n),
            n.reading.suspect,
            n.gap,
            bool(n.medium.name),
            hours.get(n.reading.meter, 0),
        )
        for n in newest
    ]
    boxes = store.boxes(households)
    return Observations(meters, boxes, store.processes(), store.counters(), store.size())
