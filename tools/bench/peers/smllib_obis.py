"""smllib, the entries alone: SmlStreamReader and get_obis, which looks for `77 07 01`."""

from collections.abc import Callable

from smllib import SmlStreamReader
from smllib.errors import SmlLibException

from ..telegrams import Telegrams, Values
from .smllib_parse import of_entries

NAME = "smllib obis"
DISTRIBUTION = "smllib"
ERRORS = (SmlLibException, ValueError)


def reader(telegrams: Telegrams) -> Callable[[bytes], object] | None:
    if telegrams.link != "sml":
        return None

    def read(wire: bytes) -> object:
        stream = SmlStreamReader()
        stream.add(wire)
        frame = stream.get_frame()
        if frame is None:
            raise ValueError("no frame")
        return frame.get_obis()

    return read


def values(result: object, telegrams: Telegrams) -> Values:
    return of_entries(result)
