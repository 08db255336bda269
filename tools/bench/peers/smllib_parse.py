"""smllib, the whole frame: SmlStreamReader and parse_frame."""

from collections.abc import Callable
from decimal import Decimal

from smllib import SmlStreamReader
from smllib.errors import SmlLibException

from ..telegrams import Telegrams, Values

NAME = "smllib parse"
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
        return frame.parse_frame()

    return read


def values(result: object, telegrams: Telegrams) -> Values:
    found: Values = {}
    for message in result:  # type: ignore[attr-defined]
        entries = getattr(message.message_body, "val_list", ())
        found |= of_entries(entries)
    return found


def of_entries(entries: object) -> Values:
    """Scaled by the entry's own scaler; get_value() would go over a float."""
    found: Values = {}
    for entry in entries:  # type: ignore[attr-defined]
        if isinstance(entry.value, int) and not isinstance(entry.value, bool):
            code = bytes.fromhex(entry.obis)
            name = f"{code[2]}.{code[3]}.{code[4]}"
            found.setdefault(name, Decimal(entry.value).scaleb(entry.scaler or 0))
    return found
