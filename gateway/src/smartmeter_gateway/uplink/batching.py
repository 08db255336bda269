"""Packs rows of the spool into `readings` messages: JSON arrays of one meter's readings."""

from collections.abc import Iterable
from dataclasses import dataclass

from smartmeter.wire import topics

from ..spool.database import Row

READINGS_MAX = 500  # in one array
ARRAY_BYTES_MAX = 200_000


@dataclass(slots=True)
class Packed:
    """One message to publish, and the rows that it carries."""

    meter: str
    specific: str
    payload: bytes
    ids: list[int]


def pack(rows: Iterable[Row], byte_limit: int = ARRAY_BYTES_MAX) -> list[Packed]:
    """The messages that carry `rows`, in order for each meter; other messages go alone."""
    packed: list[Packed] = []
    open_arrays: dict[str, list[Row]] = {}
    sizes: dict[str, int] = {}
    for row in rows:
        if row.specific != topics.READING:
            packed.append(Packed(row.meter, row.specific, row.payload, [row.id]))
            continue
        array = open_arrays.setdefault(row.meter, [])
        size = sizes.get(row.meter, 2) + len(row.payload) + 1
        if array and (size > byte_limit or len(array) >= READINGS_MAX):
            packed.append(_close(array))
            array = open_arrays[row.meter] = []
            size = len(row.payload) + 3
        array.append(row)
        sizes[row.meter] = size
    packed.extend(_close(array) for array in open_arrays.values())
    return packed


def _close(array: list[Row]) -> Packed:
    if len(array) == 1:
        row = array[0]
        return Packed(row.meter, topics.READING, row.payload, [row.id])
    payload = b"[" + b",".join(row.payload for row in array) + b"]"
    return Packed(array[0].meter, topics.READINGS, payload, [row.id for row in array])
