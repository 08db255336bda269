"""The store's knowledge of the chain, in the form that monitoring takes."""

from smartmeter_cloud.history.zone_check import hours_off
from smartmeter_cloud.monitoring.observations import MeterActivity, Observations
from smartmeter_cloud.store.interface import Store


def observe(store: Store, households: frozenset[str] | None = None) -> Observations:
    """Read the state of everything that these households may see; None: of all.

    Raises StoreUnavailable.
    """
    meters = [
        MeterActivity(
            n.reading.meter,
            n.concentrator,
            n.reading.received,
            n.reading.suspect,
            n.gap,
            bool(n.medium.name),
            hours_off(store, n),
        )
        for n in store.newest(0, households)
    ]
    boxes = store.boxes(households)
    return Observations(meters, boxes, store.processes(), store.counters(), store.size())
