"""Sub-meters: gas, water, heat, cooling or electricity meters that are read through a main meter.

Each is a meter of its own, on a channel from 1 to 8. Its id is its main meter's with the channel
behind it. Many have a new value only every hour, so a reading is worth sending if its own time or
its values have changed.
"""

TYPE_CHECKING = False  # what follows is for mypy; a device has no typing
if TYPE_CHECKING:
    from collections.abc import Iterable

    from .reading import Reading

# The types of EN 13757-3, table 6, that have a medium here: hot and cold water are both water,
# and a meter of heat and cooling is named by its main total.
MEDIA = {
    2: "electricity",
    3: "gas",
    4: "heat",
    6: "water",
    7: "water",
    10: "cooling",
    11: "cooling",
    12: "heat",
    13: "heat",
    21: "water",
    22: "water",
    23: "water",
}
CHANNELS = "12345678"
_SEQ_BITS = 63
_CODE = "24.2."  # of the last value of a meter on a channel
_ID_MAX = 62  # characters of a main meter's id: two more are the channel


def number(reading: "Reading") -> None:
    """Gives a sub-meter's reading with a time of its own the seq that follows from its values.

    So it is the same reading wherever it is sent from, and after a restart: storage keeps it once.
    """
    if reading.time:
        total = 0
        for mantissa, _ in reading.values.values():
            total += abs(mantissa)
        reading.seq = total & ((1 << _SEQ_BITS) - 1)


def are_named(meter: str, codes: "Iterable[str] | None") -> bool:
    """Whether readings of sub-meters can be among those that the codes name, and have an id."""
    if codes is None or len(meter) > _ID_MAX:
        return False
    return any([is_of_one(code) for code in codes])


def is_of_one(code: str) -> bool:
    """Whether a code in settings may name a value of a sub-meter: 24.2.1, 0-2:24.2.1, 8-1:1.0.0."""
    if code.find(_CODE) >= 0:
        return True
    return code[1:2] == "-" and code[0] in "56789" and code[2:4] != "0:"


def id_of(main: str, channel: int) -> str:
    """The id of the sub-meter on a channel of a main meter."""
    return "%s-%d" % (main, channel)


def main_of(meter: str) -> str:
    """The main meter's id where this may be a sub-meter's, which ends in -1 to -8; else ""."""
    return meter[:-2] if len(meter) > 2 and meter[-2] == "-" and meter[-1] in CHANNELS else ""


class Changes:
    """Knows the last reading of each channel of one main meter."""

    def __init__(self) -> None:
        self._last: "dict[int, tuple[str | None, dict[str, tuple[int, int]]]]" = {}

    def is_new(self, reading: "Reading") -> bool:
        """Whether the sub-meter's own time or a value differs from those of its last reading."""
        own = reading.time if reading.clock == "meter" else None
        state = (own, reading.values)
        if self._last.get(reading.channel) == state:
            return False
        self._last[reading.channel] = state
        return True
