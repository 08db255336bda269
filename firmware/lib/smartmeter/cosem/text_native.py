"""A text's layout, kept: the next telegram of a meter differs in its digits only.

Texts have the same shape where each byte is the same or both have a digit there. A meter's
texts mostly do, as P1 writes numbers with leading zeros (DSMR 5.0.2 P1, 6.4). The walk of
datalines.py marks which digits are numbers and which the time. Where all others are the same
too - codes, units' powers, ids - the walk would take the same places, so that the numbers are
read there at once. Where a sign, a length, a letter differs, the shape does.
"""

from struct import Struct

from .known_native import Known

TYPE_CHECKING = False  # what follows is for mypy
if TYPE_CHECKING:
    from ..reading import Reading

_DIGITS = b"0123456789"
_ONE_DIGIT = bytes.maketrans(_DIGITS, b"0" * 10)
_OTHERS = bytes([n for n in range(256) if n not in _DIGITS])


def shape(text: bytes | bytearray) -> bytes:
    """The text with 0 for every digit."""
    return bytes(text.translate(_ONE_DIGIT))


class Marks:
    """Places in the text that a walk has found.

    slots: [(first byte, size, key, power of ten of its last digit)]. times: [(code, first byte,
    size)] of what tells the time.
    """

    def __init__(self) -> None:
        self.slots: "list[tuple[int, int, str, int]]" = []
        self.times: "list[tuple[str, int, int]]" = []


class TextPlan(Known):
    def __init__(
        self,
        text: bytes | bytearray,
        marks: Marks,
        reading: "Reading",
        derived: "list[tuple[str, str, str, int]]",
    ) -> None:
        places = [(at, size, "") for _, at, size in marks.times]
        places += [(at, size, key) for at, size, key, _ in marks.slots]
        exponents = {key: exponent for _, _, key, exponent in marks.slots}
        constants = []
        numbers = []
        widest = {}
        self._slots = []
        done = 0
        for at, size, key in sorted(places):
            before = _count(text, done, at)
            own = _count(text, at, at + size)
            done = at + size
            constants.append("%ds%dx" % (before, own))
            numbers.append("%dx%d%s" % (before, own, "s" if key else "x"))
            if key:
                exponent = exponents[key]
                factor = 10**exponent if exponent > 0 else 1
                if b"-" in text[at : at + size]:
                    factor = -factor
                self._slots.append((key, factor, min(exponent, 0)))
                most = abs(factor) * (10**own - 1)
                widest[key] = (-most, 0) if factor < 0 else (0, most)
        constants.append("%ds" % _count(text, done, len(text)))
        super().__init__(reading, widest, derived)
        self.times = marks.times
        self._constants = Struct("".join(constants)).unpack
        self._numbers = Struct("".join(numbers)).unpack_from
        self._constant = self._constants(text.translate(None, _OTHERS))

    def read(self, text: bytes | bytearray) -> "Reading | None":
        """The Reading without its time of a text of this shape; None where a walk is needed."""
        digits = text.translate(None, _OTHERS)
        if self._constants(digits) != self._constant:
            return None
        return self.reading(
            bytes(text),
            {
                key: (int(number) * factor, exponent)
                for (key, factor, exponent), number in zip(self._slots, self._numbers(digits))
            },
        )


def _count(text: bytes | bytearray, start: int, stop: int) -> int:
    """How many digits are in text[start:stop]."""
    return len(text[start:stop].translate(None, _OTHERS))
