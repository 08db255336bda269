"""An answer's layout, kept: the next answer of a meter differs in its numbers only.

Registers, units, sizes, exponents and the serial number are the same; the numbers are read from
their places. CPython's alone: a device has an answer in minutes, and no heap to spare.
"""

from struct import Struct

from ..dlms.lists.reading_template_native import ReadingTemplate

TYPE_CHECKING = False  # what follows is for mypy
if TYPE_CHECKING:
    from ..reading import Reading

    Slot = tuple[str, int, int, int, int]

_FORMATS = {1: "B", 2: "H", 4: "I", 8: "Q"}


class RegistersPlan(ReadingTemplate):
    """slots: [(key, first byte, size, sign, power of ten)] of the numbers that are values."""

    def __init__(self, payload: bytes, slots: "list[Slot]", reading: "Reading") -> None:
        constants = []
        numbers = [">"]
        done = 0
        for _, at, size, _, _ in slots:
            constants.append("%ds%dx" % (at - done, size))
            numbers.append("%dx%s" % (at - done, _FORMATS[size]))
            done = at + size
        constants.append("%ds" % (len(payload) - done))
        self._constants = Struct("".join(constants)).unpack
        self._constant = self._constants(payload)
        self._numbers = Struct("".join(numbers)).unpack_from
        self._negative = [i for i, slot in enumerate(slots) if slot[3] < 0]
        reach = [(key, power, (1 << 8 * size) - 1) for key, _, size, _, power in slots]
        super().__init__(reading, [(key, power, -most, most) for key, power, most in reach], [])

    def read(self, payload: bytes) -> "Reading | None":
        """The Reading of an answer of this layout; None if a walk is needed."""
        if self._constants(payload) != self._constant:
            return None
        numbers = self._numbers(payload)
        if self._negative:
            signed = list(numbers)
            for i in self._negative:
                signed[i] = -signed[i]
            return self.reading(payload, signed, None)
        return self.reading(payload, numbers, None)


def plan(payload: bytes, slots: "list[Slot]", reading: "Reading") -> "RegistersPlan | None":
    """The plan of a walk's slots; None if a number has an odd size."""
    if any(slot[2] not in _FORMATS for slot in slots):
        return None
    return RegistersPlan(payload, slots, reading)
