"""A query for stored readings, as in the specification's POST /v1/meterReadings."""

from collections.abc import Iterator
from dataclasses import dataclass

from smartmeter_cloud.store.interface import Store
from smartmeter_cloud.store.rows import Condition, Reading

CHUNK = 2000  # readings fetched at a time: memory does not depend on their number

FIRST_SEQ = -1  # before the seq of every reading
FAR_MS = 7258118400_000  # 2200-01-01, after all stored readings


@dataclass(frozen=True)
class Query:
    """start and end in ms, end not included; codes: only these values, () all of them."""

    meters: tuple[str, ...]
    start: int
    end: int
    codes: tuple[str, ...] = ()
    conditions: tuple[Condition, ...] = ()
    most: int | None = None


def run(store: Store, query: Query) -> Iterator[Reading]:
    """The readings, meter by meter in the order of time, with the requested values only."""
    left = query.most
    wanted = set(query.codes)
    for meter in sorted(query.meters):
        after = (query.start, FIRST_SEQ)
        while left is None or left > 0:
            limit = CHUNK if left is None else min(CHUNK, left)
            found = store.readings(meter, after, query.end, query.conditions, query.codes, limit)
            for reading in found:
                values = reading.values
                if wanted:
                    values = {c: v for c, v in values.items() if c in wanted}
                    if not values:
                        continue
                if left is not None:
                    if left == 0:
                        return
                    left -= 1
                yield Reading(**{**vars(reading), "values": values})
            if len(found) < limit:
                break
            after = (found[-1].time, found[-1].seq)
