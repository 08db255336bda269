"""What a telegram's layout says once and for all, kept from a walk (see plan_native.py, the same
for lists of DLMS). CPython's alone: a device has one telegram in seconds, and no heap to spare.
"""

from ..obis import combine
from ..reading import Reading
from .plausible import EXPONENT_MAX, bounds

TYPE_CHECKING = False  # what follows is for mypy
if TYPE_CHECKING:
    from collections.abc import Mapping


class Known:
    """All of a reading but its numbers and its time.

    widest has, for each key that stands in the telegram, the least and the greatest mantissa
    its place has room for; derived is what obis.complete added.
    """

    def __init__(
        self,
        reading: Reading,
        widest: "Mapping[str, tuple[int, int]]",
        derived: "list[tuple[str, str, str, int]]",
    ) -> None:
        self._meter = reading.meter
        self._codes = reading.codes
        self._units = reading.units
        self._texts = reading.texts
        self._layers = reading.layers
        self._derived = derived
        self._tight: "list[tuple[str, int, int]]" = []
        for key, (_, exponent) in reading.values.items():
            low, high = bounds(reading.units[key], exponent)
            if exponent < -EXPONENT_MAX:  # which only 0 may have
                low = high = 0
            least, most = widest.get(key, (low - 1, high + 1))
            if least < low or most > high:
                self._tight.append((key, low, high))

    def reading(
        self, payload: bytes | bytearray, values: "dict[str, tuple[int, int]]"
    ) -> "Reading | None":
        """The Reading with these values; None where one is outside of what can be."""
        for key, first, second, sign in self._derived:
            combine(values, key, first, second, sign)
        for key, low, high in self._tight:
            if not low <= values[key][0] <= high:
                return None
        reading = Reading(self._meter)
        reading.values = values
        reading.codes = self._codes
        reading.units = self._units
        reading.texts = self._texts
        reading.layers = self._layers
        reading.payload = payload
        return reading
