"""A reply's layout, kept: the next reply of an M-Bus meter differs in its data only.

A walk through the records shows where their data lie, and which of them became values. If all other
bytes are the same, the data are read from their places. Signs decide between import and export, so
a reply with other signs is walked, and so is one with a value that says it is invalid.
CPython's alone: a device has one reply in seconds, and no heap to spare.
"""

from struct import Struct

from ..dlms.lists.reading_template_native import ReadingTemplate

TYPE_CHECKING = False  # what follows is for mypy
if TYPE_CHECKING:
    from collections.abc import Callable

    from ..checks.coherence import Coherence
    from ..reading import Reading

_ACCESS = (11, 1)  # the access number: place and size
_FORMATS = {1: "b", 2: "h", 4: "i", 7: "q"}  # whole numbers, by the coding in DIF
_WIDE = (3, 6)  # whole numbers that struct does not know
_BCD = (9, 10, 11, 12, 14)


class Marks:
    """Places in the reply that a walk has found.

    begin: where its records begin. data: [(first byte, size)] of all data, as from there.
    numbers: [(index in data, coding)] of those that are values. slots: [(key, index in data,
    factor, power of ten)]. limits: [(key, least, most)], in the key's unit.
    derived, coherence: what obis.complete added, and what was checked.
    usable: False if the next reply may have other values than this one.
    """

    def __init__(self) -> None:
        self.begin = 0
        self.data: "list[tuple[int, int]]" = []
        self.numbers: "list[tuple[int, int]]" = []
        self.slots: "list[tuple[str, int, int, int]]" = []
        self.limits: "list[tuple[str, int, int]]" = []
        self.derived: "list[tuple[str, str, str, int]]" = []
        self.coherence: "Coherence | None" = None
        self.time: "tuple[int, int] | None" = None
        self.usable = True

    def other(self, at: int, size: int) -> int:
        """Data there may change; their index."""
        self.data.append((at, size))
        return len(self.data) - 1

    def clock(self, index: int) -> None:
        self.usable = self.usable and not self.time
        self.time = self.data[index]

    def number(self, index: int, coding: int, is_valid: bool) -> None:
        """A number that may become a value. What is invalid now may be valid in the next reply."""
        is_known = coding in _FORMATS or coding in _WIDE or coding in _BCD
        self.usable = self.usable and is_valid and is_known
        self.numbers.append((index, coding))


class RecordsPlan(ReadingTemplate):
    """One reply's. time_of: the text of the clock's data."""

    def __init__(
        self,
        payload: bytes,
        marks: Marks,
        reading: "Reading",
        time_of: "Callable[[bytes], str | None]",
    ) -> None:
        begin = self._begin = marks.begin
        constants = []
        done = 0
        for at, size in [_ACCESS] + [(begin + at, size) for at, size in marks.data]:
            constants.append("%ds%dx" % (at - done, size))
            done = at + size
        constants.append("%ds" % (len(payload) - done))
        self._constants = Struct("".join(constants)).unpack
        self._constant = self._constants(payload)
        numbers = ["<%dx" % begin]
        done = 0
        self._others: "list[tuple[int, bool]]" = []  # what struct leaves as bytes; is BCD
        place = {}
        reach: "list[int]" = []
        for index, coding in marks.numbers:
            at, size = marks.data[index]
            form = _FORMATS.get(coding)
            numbers.append("%dx%s" % (at - done, form or "%ds" % size))
            done = at + size
            if not form:
                self._others.append((len(reach), coding in _BCD))
            place[index] = len(reach)
            reach.append(10 ** (2 * size) - 1 if coding in _BCD else (1 << 8 * size - 1) - 1)
        slots = []
        for key, index, factor, exponent in marks.slots:
            most = reach[place[index]] * abs(factor)
            slots.append((key, exponent, -most, most))
        super().__init__(reading, slots, marks.derived)
        for key, low, high in marks.limits:
            parts = 10 ** -reading.values[key][1]
            self._tight.append((key, int(low * parts), int(high * parts)))
        self._numbers = Struct("".join(numbers)).unpack_from
        self._factors = [(place[index], factor) for _, index, factor, _ in marks.slots]
        self._plain = self._factors == [(i, 1) for i in range(len(reach))]
        found = self._read(payload) or []
        self._negative = [i for i, number in enumerate(found) if number < 0]
        self._lowest = [-most - 1 for most in reach]  # "invalid" (annex A, type B)
        self._sums = [key for key, _, _, _ in marks.derived if key.endswith(".8.0")]
        self._coherence = marks.coherence
        self._time_of = time_of
        self._told = b""
        self._time: "str | None" = None
        self._time_at = slice(0)
        if marks.time:
            at, size = marks.time
            self._time_at = slice(begin + at, begin + at + size)

    def read(self, payload: bytes) -> "Reading | None":
        """The Reading of a reply of this layout; None if a walk is needed."""
        if self._constants(payload) != self._constant:
            return None
        numbers = self._read(payload)
        if numbers is None:
            return None
        if min(numbers) < 0 or self._negative:
            negative = [i for i, number in enumerate(numbers) if number < 0]
            if negative != self._negative or any([numbers[i] == self._lowest[i] for i in negative]):
                return None
        if not self._plain:
            numbers = [numbers[i] * factor for i, factor in self._factors]
        told = payload[self._time_at]
        if told != self._told:
            self._told = told
            self._time = self._time_of(told)
        reading = self.reading(payload[self._begin :], numbers, self._time)
        if reading:
            for key in self._sums:
                if not reading.values[key][0]:
                    return None  # a total of tariffs that are not in use is none
            if self._coherence:
                self._coherence.check(reading.values)
        return reading

    def _read(self, payload: bytes) -> "list[int] | None":
        numbers = list(self._numbers(payload))
        for i, is_bcd in self._others:
            if is_bcd:
                digits = numbers[i][::-1].hex()
                if not digits.isdigit():
                    return None
                numbers[i] = int(digits)
            else:
                numbers[i] = int.from_bytes(numbers[i], "little", signed=True)
        return numbers
