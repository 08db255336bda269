"""A text's layout, kept: a meter's next telegram only differs in its digits.

Two texts have the same shape if each byte is the same or both have a digit there. A meter's texts
mostly do, because P1 writes numbers with leading zeros (DSMR 5.0.2 P1, 6.4). The walk of decode.py
marks which digits are numbers and which are the time. If all others are the same too (codes, powers
of units, ids), a walk would find the same places, so the numbers are read there at once. If a sign,
a length or a letter differs, so does the shape.
"""

from struct import Struct

from ..dlms.lists.reading_template_native import ReadingTemplate
from .clock import Clock
from .submeters import again

TYPE_CHECKING = False  # what follows is for mypy
if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..checks.coherence import Coherence
    from ..profile import Profile
    from ..reading import Reading

_STAMPS = (12, 13)  # sizes of YYMMDDhhmmss, without and with the letter behind it
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


class TextPlan(ReadingTemplate):
    def __init__(
        self,
        text: bytes | bytearray,
        marks: Marks,
        reading: "Reading",
        derived: "list[tuple[str, str, str, int]]",
        coherence: "Coherence | None",
        profile: "Profile | None",
        zone: "tuple[int, str]",
    ) -> None:
        self._times = marks.times
        self._minute = 0  # where that of the one stamp is, whose rest changes but once an hour
        for _, at, size in marks.times if reading.time and len(marks.times) == 1 else ():
            if size in _STAMPS and text[at : at + _STAMPS[0]].isdigit():
                self._minute = at + 8
        self._before = self._behind = ""
        places = [(at, size, "") for _, at, size in marks.times]
        if reading.time and self._minute:
            self._before, self._behind = reading.time[:14], reading.time[19:]
            places = [(self._minute, 4, "")]
        places += [(at, size, key) for at, size, key, _ in marks.slots]
        exponents = {key: exponent for _, _, key, exponent in marks.slots}
        constants = []
        numbers = []
        slots: "list[tuple[str, int, int, int]]" = []
        self._negative = []
        done = 0
        for at, size, key in sorted(places):
            before = _count(text, done, at)
            own = _count(text, at, at + size)
            done = at + size
            constants.append("%ds%dx" % (before, own))
            numbers.append("%dx%d%s" % (before, own, "s" if key else "x"))
            if key:
                most = 10**own - 1
                if b"-" in text[at : at + size]:
                    self._negative.append(len(slots))
                    slots.append((key, exponents[key], -most, 0))
                else:
                    slots.append((key, exponents[key], 0, most))
        constants.append("%ds" % _count(text, done, len(text)))
        super().__init__(reading, slots, derived)
        self._submeters = reading.submeters
        self._coherence = coherence
        self._profile = profile
        self._zone = zone
        self._constants = Struct("".join(constants)).unpack
        self._numbers = Struct("".join(numbers)).unpack_from
        self._constant = self._constants(text.translate(None, _OTHERS))

    def read(self, text: bytes | bytearray) -> "Reading | None":
        """The Reading of a text of this shape; None if a walk is needed."""
        digits = text.translate(None, _OTHERS)
        if self._constants(digits) != self._constant:
            return None
        numbers: "Iterable[int]" = map(int, self._numbers(digits))
        if self._negative:
            signed = list(numbers)
            for i in self._negative:
                signed[i] = -signed[i]
            numbers = signed
        time: "str | None"
        if self._minute:
            time = self._stamp(text)
            if not time:
                return None
        else:
            clock = Clock()
            for code, at, size in self._times:
                clock.tell(code, text[at : at + size].decode("ascii", "replace"))
            time = clock.rfc3339(self._profile, self._zone)
        reading = self.reading(bytes(text), numbers, time)
        if reading and self._coherence:
            self._coherence.check(reading.values)
        if reading and self._submeters:
            reading.submeters = again(self._submeters, reading.values)
        return reading

    def _stamp(self, text: bytes | bytearray) -> str:
        """The time of the only stamp, "" if it is not valid."""
        told = str(text[self._minute : self._minute + 4], "ascii")
        if told[0] > "5" or told[2] > "5":
            return ""
        return self._before + told[:2] + ":" + told[2:] + self._behind


def _count(text: bytes | bytearray, start: int, stop: int) -> int:
    """How many digits are in text[start:stop]."""
    return len(text[start:stop].translate(None, _OTHERS))
