"""A list's layout, kept: the next telegram of a meter differs from the last in its numbers only.

Whoever has walked a list knows which of its bytes are the numbers and which the rest: tags,
lengths, codes, scales, names. Where a telegram has the same rest to the last byte, walking
it again could find nothing new, so its numbers are taken straight from their places: the
same reading, some ten times faster. Where one byte of the rest differs, it is walked.
CPython's alone: a device has one telegram in seconds, and no heap to spare.
"""

from struct import unpack_from

from ..obis import combine
from .clock import SIZE, is_clock
from .plausible import bounds
from .scales import Scales

TYPE_CHECKING = False  # what follows is for mypy; a device has no typing
if TYPE_CHECKING:
    from typing import Any

    from ..reading import Reading
    from .layouts import Listed

# Tags of whole numbers as struct writes them (Green Book 4.1.5).
_FORMATS = {
    0x03: "B",
    0x05: "i",
    0x06: "I",
    0x0D: "B",
    0x0F: "b",
    0x10: "h",
    0x11: "B",
    0x12: "H",
    0x14: "q",
    0x15: "Q",
    0x16: "B",
}
_SIZES = {"b": 1, "B": 1, "h": 2, "H": 2, "i": 4, "I": 4, "q": 8, "Q": 8}


_PLANS_MAX = 4  # lists of one meter: every few seconds, minute, hour


def keep(plans: "dict[tuple[object, ...], Any]", name: "tuple[object, ...]", plan: object) -> None:
    """Keeps what was learned of a layout, in place of all where there are too many."""
    if len(plans) >= _PLANS_MAX and name not in plans:
        plans.clear()
    plans[name] = plan


class Plan:
    """One list's: made by the walk that found listed (layouts.Listed).

    Its slots are [(place of the tag, key, exponent, C)]; C is the OBIS group of a number whose
    exponent is a guess, else None. derived is what obis.complete added.
    """

    __slots__ = (
        "_clock",
        "_constant",
        "_derived",
        "_format",
        "_groups",
        "_guess",
        "_mask",
        "_slots",
        "_tight",
        "codes",
        "layout",
        "meter",
        "profile",
        "texts",
        "units",
    )

    def __init__(
        self,
        data: bytes | bytearray,
        at: int,
        end: int,
        listed: "Listed",
        reading: "Reading",
        derived: list[tuple[str, str, str, int]],
    ) -> None:
        self.layout = "layout " + listed.layout
        self.profile = listed.profile
        self.meter = reading.meter
        self.codes = reading.codes
        self.units = reading.units
        self.texts = reading.texts
        mask = bytearray(b"\xff" * (end - at))
        clock = listed.clock_place or None
        if clock is not None:
            clock += 1 if data[clock] == 0x19 else 2
            clock -= at
            mask[clock : clock + SIZE] = bytes(SIZE)
        self._clock = clock
        self._derived = derived
        for place in listed.free:
            start, size = _content(data, place)
            mask[start - at : start - at + size] = bytes(size)
        form = [">"]
        done = at
        self._slots: list[tuple[str, int, int]] = []
        self._tight: list[tuple[int, int, int]] = []
        self._groups: list[tuple[int, int]] = []
        guessed = False
        for place, key, exponent, group in sorted(listed.slots or ()):
            kind = _FORMATS[data[place]]
            size = _SIZES[kind]
            place += 1
            mask[place - at : place - at + size] = bytes(size)
            form.append("%dx%s" % (place - done, kind))
            done = place + size
            least, most = bounds(reading.units[key], exponent)
            if kind in "bhiq" or 1 << 8 * size > most:
                self._tight.append((len(self._slots), least, most))
            if group:
                self._groups.append((len(self._slots), group))
                unit = reading.units[key]
                guessed = guessed or (unit == "V" and len(self.profile.voltage) > 1)
                guessed = guessed or (unit == "A" and len(self.profile.current) > 1)
            factor = 10**exponent if exponent > 0 else 1
            self._slots.append((key, factor, exponent if exponent < 0 else 0))
        if not guessed:
            self._groups = []
        self._format = "".join(form)
        self._mask = int.from_bytes(mask, "big")
        self._constant = int.from_bytes(data[at:end], "big") & self._mask
        self._guess = Scales(self.profile, self._guessed(self._numbers(data, at)))

    def _numbers(self, data: bytes | bytearray, at: int) -> tuple[int, ...]:
        return unpack_from(self._format, data, at)

    def _guessed(self, numbers: tuple[int, ...]) -> dict[int, int]:
        return {group: numbers[i] for i, group in self._groups}

    def apply(
        self, data: bytes | bytearray, at: int, reading: "Reading"
    ) -> tuple[bool, bytes | bytearray | None]:
        """Fills reading as a walk would, or does nothing where one is needed: whether it did.

        And the clock's 12 octets, or None where the list has none.
        """
        if int.from_bytes(memoryview(data)[at:], "big") & self._mask != self._constant:
            return False, None
        numbers = unpack_from(self._format, data, at)
        for i, least, most in self._tight:
            if not least <= numbers[i] <= most:
                return False, None
        if self._groups and not Scales(self.profile, self._guessed(numbers)).same(self._guess):
            return False, None
        clock = None
        if self._clock is not None:
            clock = data[at + self._clock : at + self._clock + SIZE]
            if not is_clock(clock):
                return False, None
        reading.meter = self.meter
        reading.codes = self.codes
        reading.units = self.units
        reading.texts = self.texts
        reading.values = {
            key: (number * factor, exponent)
            for (key, factor, exponent), number in zip(self._slots, numbers)
        }
        for key, first, second, sign in self._derived:
            combine(reading.values, key, first, second, sign)
        return True, clock


def _content(data: bytes | bytearray, place: int) -> tuple[int, int]:
    """(where the content of the value at data[place] is, its size)."""
    kind = _FORMATS.get(data[place])
    if kind:
        return place + 1, _SIZES[kind]
    if data[place] in (0x09, 0x0A, 0x0C) and data[place + 1] < 0x80:
        return place + 2, data[place + 1]
    return place, 0
