"""Shows the last day again after a restart, from what the spool still holds."""

import time
from pathlib import Path

from smartmeter.wire import topics

from ..monitoring.registry import Registry
from ..spool.database import Reader
from . import validation
from .validation import Refused

_DAY_S = 86_400
_CHUNK_ROWS = 5000
_CHUNK_BYTES = 4_000_000


def recall(path: Path, registry: Registry) -> None:
    """Put the readings of the last day into the curves and the day's energy."""
    reader = Reader(path)
    try:
        at = reader.first_since(int(time.time()) - _DAY_S) - 1
        while rows := reader.after(at, _CHUNK_ROWS, _CHUNK_BYTES):
            at = rows[-1].id
            for row in rows:
                if row.specific != topics.READING:
                    continue
                try:
                    reading = validation.reading(row.payload)
                except Refused:  # spooled by an older version that took more
                    continue
                registry.recall(row.meter, reading.time, reading.values)
    finally:
        reader.close()
