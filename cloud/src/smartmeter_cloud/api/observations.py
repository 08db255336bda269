"""The store's knowledge of the chain, in the form that monitoring takes."""

from smartmeter_cloud.monitoring.observations import MeterActivity, Observations
from smartmeter_cloud.store.interface import Store


def observe(store: Store) -> Observations:
    """Read the state of everything. Raises StoreUnavailable."""
    meters = [
        MeterActivity(n.reading.meter, n.concentrator, n.reading.received, n.reading.suspect, n.gap)
        for n in store.newest()
    ]
    return Observations(meters, store.boxes(), store.processes(), store.counters(), store.size())
