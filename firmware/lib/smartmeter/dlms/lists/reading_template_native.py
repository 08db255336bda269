"""The fixed part of a telegram's layout, kept from a walk (plan_native.py does it for DLMS).

Only for CPython: a device has one telegram in seconds, and no heap to spare.
"""

from ...checks.plausible import EXPONENT_MAX, most_of
from ...phases import flows
from ...reading import NONE, Reading

TYPE_CHECKING = False  # what follows is for mypy
if TYPE_CHECKING:
    from collections.abc import Iterable

_new = Reading.__new__


class ReadingTemplate:
    """All parts of a reading except its numbers and its time.

    slots: [(key, power of ten, least, greatest)] of the numbers in the telegram, in the
    order in which they will be given, and what their places have room for. derived is what
    obis.complete added.
    """

    def __init__(
        self,
        reading: Reading,
        slots: "list[tuple[str, int, int, int]]",
        derived: "list[tuple[str, str, str, int]]",
    ) -> None:
        self._keys = [slot[0] for slot in slots]
        self._exponents = [min(slot[1], 0) for slot in slots]
        # [(key, what its number is multiplied by)]: those in kWh without decimals, say
        self._scaled = [(key, 10**exponent) for key, exponent, _, _ in slots if exponent > 0]
        self._meter = reading.meter
        self._medium = reading.medium
        self._codes = reading.codes
        self._units = reading.units
        self._texts = reading.texts
        self._layers = reading.layers
        # those derived: (key, exponent, first, its factor, second, its factor)
        self._derived: "list[tuple[str, int, str, int, str, int]]" = []
        reach = {}
        exponents = {}
        for key, exponent, least, most in slots:
            factor = 10 ** max(exponent, 0)
            reach[key] = (least * factor, most * factor)
            exponents[key] = min(exponent, 0)
        for key, first, second, sign in derived:
            exponent = min(exponents[first], exponents[second])
            one = 10 ** (exponents[first] - exponent)
            two = 10 ** (exponents[second] - exponent) * sign
            self._derived.append((key, exponent, first, one, second, two))
            exponents[key] = exponent
            low, high = sorted([two * end for end in reach[second]])
            reach[key] = (reach[first][0] * one + low, reach[first][1] * one + high)
        # what is derived from the phases depends on which way their power flows
        self._flows: "tuple[bool, bool] | None" = None
        if any(source == "21.7.0" for _, source, _, _ in derived):
            self._flows = flows(reading.values)
        self._tight: "list[tuple[str, int, int]]" = []
        for key, (_, exponent) in reading.values.items():
            low, high = _bounds(reading.units[key], exponent)
            if exponent < -EXPONENT_MAX:  # which only 0 may have
                low = high = 0
            if reach[key][0] < low or reach[key][1] > high:
                self._tight.append((key, low, high))

    def reading(
        self, payload: bytes | bytearray, numbers: "Iterable[int]", time: "str | None"
    ) -> "Reading | None":
        """The Reading with these numbers; None if one of them is impossible."""
        values = dict(zip(self._keys, zip(numbers, self._exponents)))
        for key, factor in self._scaled:
            values[key] = (values[key][0] * factor, 0)
        if self._flows and flows(values) != self._flows:
            return None
        for key, exponent, first, one, second, two in self._derived:
            values[key] = (values[first][0] * one + values[second][0] * two, exponent)
        for key, low, high in self._tight:
            if not low <= values[key][0] <= high:
                return None
        reading = _new(Reading)  # whose __init__ would fill in what is replaced here
        reading.time = time
        reading.clock = "meter" if time else None
        reading.counter = reading.seq = None
        reading.auth = NONE
        reading.medium = self._medium
        reading.channel = 0
        reading.submeters = None
        reading.meter = self._meter
        reading.values = values
        reading.codes = self._codes
        reading.units = self._units
        reading.texts = self._texts
        reading.ratio = 1
        reading.layers = self._layers
        reading.payload = payload
        return reading


def _bounds(unit: str, exponent: int) -> tuple[int, int]:
    """The least and the largest mantissa that plausible.check() lets pass."""
    most = most_of(unit, exponent)
    return (0 if unit in ("V", "Hz") else -most), most
