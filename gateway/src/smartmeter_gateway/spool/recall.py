"""What the spool still holds of the last day, drawn again after a start."""

import time
from pathlib import Path

from smartmeter.wire import topics

from ..intake import validation
from ..intake.validation import Refused
from ..monitoring.registry import Status
from .database import Reader

_DAY_S = 86_400
_CHUNK_ROWS = 5000
_CHUNK_BYTES = 4_000_000


def recall(path: Path, status: Status) -> None:
    """Puts the readings of the last day into the curves and the newest of each meter."""
    reader = Reader(path)
    try:
        at = reader.first_since(int(time.time()) - _DAY_S) - 1
        while rows := reader.after(at, _CHUNK_ROWS, _CHUNK_BYTES):
            at = rows[-1].id
            for row in rows:
                if row.specific != topics.READING:
                    continue
                try:
                    status.recall(row.meter, validation.reading(row.payload))
                except Refused:  # spooled by an older version that took more
                    continue
    finally:
        reader.close()
