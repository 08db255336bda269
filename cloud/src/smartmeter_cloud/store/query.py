"""A query for stored readings, as in the specification's POST /v1/meterReadings."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from smartmeter.obis import key_of
from smartmeter.submeters import main_of

from smartmeter_cloud.store.interface import Store
from smartmeter_cloud.store.rows import IMPORTED_SEQ, Condition, Reading

CHUNK = 2000  # readings fetched at a time: memory does not depend on their number

FIRST_SEQ = IMPORTED_SEQ - 1  # before the seq of every reading
_ON_CHANNEL = re.compile("0-[1-8]:")  # of a sub-meter

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


def own_code(meter: str, code: str) -> str | None:
    """What a meter's readings call a requested code; None if the code is another meter's.

    0-2:24.2.1 is 24.2.1 of the sub-meter on channel 2, the one whose id ends in -2. An older
    main meter has it under its full code.
    """
    if not _ON_CHANNEL.match(code):
        return key_of(code)
    if not main_of(meter):
        return key_of(code)
    return code[4:] if code[2] == meter[-1] else None


def run(store: Store, query: Query) -> Iterator[Reading]:
    """The readings, meter by meter in the order of time, with the requested values only.

    A value is called what the query calls it.
    """
    left = query.most
    for meter in sorted(query.meters):
        wanted = {c: own for c in query.codes if (own := own_code(meter, c)) is not None}
        conditions = [
            replace(condition, code=own)
            for condition in query.conditions
            if (own := own_code(meter, condition.code)) is not None
        ]
        if (query.codes and not wanted) or len(conditions) < len(query.conditions):
            continue  # it never has such a value
        codes = sorted(set(wanted.values()))
        after = (query.start, FIRST_SEQ)
        while left is None or left > 0:
            limit = CHUNK if left is None else min(CHUNK, left)
            found = store.readings(meter, after, query.end, conditions, codes, limit)
            for reading in found:
                if wanted:
                    values, texts = reading.values, reading.texts
                    reading = replace(
                        reading,
                        values={c: values[own] for c, own in wanted.items() if own in values},
                        texts={c: texts[own] for c, own in wanted.items() if own in texts},
                    )
                    if not reading.values and not reading.texts:
                        continue
                if left is not None:
                    if left == 0:
                        return
                    left -= 1
                yield reading
            if len(found) < limit:
                break
            after = (found[-1].time, found[-1].seq)
