"""A list's layout, kept: the next telegram of a meter differs from the last in its numbers only.

A walk through a data-notification shows which of its bytes are the numbers and the time, and which
are the rest: tags, lengths, codes, scales, names. If a telegram has the same rest to the last byte,
a walk could find nothing new. Its numbers are then taken directly from their places: the same
reading, some ten times faster. If one byte of the rest differs, it is walked.
CPython's alone: a device has one telegram in seconds, and no heap to spare.
"""

from struct import Struct

from ...meters.profiles import NORDIC, UNKNOWN
from .. import clock
from ..axdr import WIDE
from .reading_template_native import ReadingTemplate
from .scales import CURRENTS, DIRECT, FREQUENCY, MAINS, PHASES, VOLTAGES, Scales

TYPE_CHECKING = False  # what follows is for mypy; a device has no typing
if TYPE_CHECKING:
    from typing import Any

    from ...profile import Profile
    from ...reading import Reading
    from .value_list import ValueList

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
_TWO_DIGITS = ["%02d" % n for n in range(60)]

_NO_TIME = 6  # the size of a data-notification's header that has none
_PLANS_MAX = 4  # lists of one meter: every few seconds, minute, hour


def keep(plans: "dict[tuple[object, ...], Any]", name: "tuple[object, ...]", plan: object) -> None:
    """Stores what was learned about a layout; clears the store if it is full."""
    if len(plans) >= _PLANS_MAX and name not in plans:
        plans.clear()
    plans[name] = plan


class Plan(ReadingTemplate):
    """One list's: made by the walk that found listed (value_list.ValueList) and filled reading.

    derived is what obis.complete added. header is the size of a data-notification's, 0 of a list
    alone. profile is the meter's family, from the list or from the header.
    """

    def __init__(
        self,
        data: bytes | bytearray,
        listed: "ValueList",
        reading: "Reading",
        derived: list[tuple[str, str, str, int]],
        header: int,
        profile: "Profile",
        zone: "tuple[int, str]",
    ) -> None:
        mask = bytearray(b"\xff" * len(data))
        for place in listed.free:
            start, size = _content(data, place)
            mask[start : start + size] = bytes(size)
        clocks = []
        if listed.clock_place:
            clocks.append(listed.clock_place + (1 if data[listed.clock_place] == 0x19 else 2))
        if header > _NO_TIME:
            clocks.append(header - clock.SIZE)
        self._minute = 0  # where that of the time is; 0 without one
        self._before = self._behind = ""
        for at in clocks:
            if self._minute:
                mask[at : at + clock.SIZE] = bytes(clock.SIZE)
            elif data[at + 6] < 60 and data[at + 7] < 60:
                mask[at + 6 : at + 9] = bytes(3)  # the rest of it changes but once an hour
                time = clock.rfc3339(data[at : at + clock.SIZE], profile, zone)
                if time:
                    self._minute = at + 6
                    self._before, self._behind = time[:14], time[19:]
        if header:
            mask[1:5] = bytes(4)  # long-invoke-id-and-priority, which some meters count up
        # of a list that is silent about its family, it may tell that
        self._nordic = data[1:5] == NORDIC if listed.profile is UNKNOWN else None
        form = [">"]
        done = 0
        guessed = False
        self._wide = False
        slots: list[tuple[str, int, int, int]] = []
        self._groups: list[tuple[int, int]] = []
        for place, key, exponent, group in sorted(listed.slots or ()):
            kind = _FORMATS[data[place]]
            size = _SIZES[kind]
            place += 1
            mask[place : place + size] = bytes(size)
            form.append("%dx%s" % (place - done, kind))
            done = place + size
            if group:
                self._groups.append((len(slots), group))
                unit = reading.units[key]
                guessed = guessed or (unit == "V" and len(profile.voltage) > 1)
                guessed = guessed or (unit == "A" and len(profile.current) > 1)
                self._wide = self._wide or (group in CURRENTS and data[place - 1] in WIDE)
            least = -(1 << 8 * size - 1) if kind in "bhiq" else 0
            slots.append((key, exponent, least, least + (1 << 8 * size) - 1))
        super().__init__(reading, slots, derived)
        self._mask = int.from_bytes(mask, "big")
        self._constant = int.from_bytes(data, "big") & self._mask
        self._unpack = Struct("".join(form)).unpack_from
        self._profile = profile
        self._guess = self._scales(self._unpack(data))
        if not guessed:
            self._groups = []
        self._know_mains(profile)

    def _know_mains(self, profile: "Profile") -> None:
        """The fields that _holds checks."""
        guess = self._guess
        groups = {group: i for i, group in self._groups}
        self._volts = [groups[c] for c in VOLTAGES if c in groups]
        self._amperes = [groups[c] for c in CURRENTS if c in groups]
        powers = [[c] if c in groups else [phase + c for phase in PHASES] for c in (1, 2)]
        self._powers = [groups[c] for c in powers[0] + powers[1] if c in groups]
        choice = profile.current[-1:] if self._wide else profile.current
        unit = 10 ** -(guess.voltage or 0)
        self._carried = self._direct = 0
        if len(choice) > 1:
            self._carried = unit * 10 ** -choice[0]
            self._direct = DIRECT * 10 ** -choice[0] if choice[0] > min(choice) else 0
        likely = choice[0] if choice else None
        if self._volts and guess.voltage is not None and guess.current == likely:
            self._usual = MAINS[0][0] * unit, MAINS[0][1] * unit
        else:
            self._usual = 1, 0  # never
        digit = 10**-guess.frequency  # of a mains in Hz, which has two before the point
        self._hertz = groups.get(FREQUENCY), 10 * digit, 100 * digit - 1

    def _scales(self, numbers: tuple[int, ...]) -> Scales:
        guessed = {group: numbers[i] for i, group in self._groups}
        return Scales(self._profile, guessed, self._wide)

    def _holds(self, numbers: tuple[int, ...]) -> bool:
        """Whether these numbers have the scales found.

        This is known at once if the mains is normal and the likeliest currents, of a meter without
        transformers, carry the power. Otherwise it is computed.
        """
        least, most = self._usual
        hertz, slowest, fastest = self._hertz
        if least < most and (hertz is None or slowest <= numbers[hertz] <= fastest):
            volts = [numbers[i] for i in self._volts]
            low = min(volts)
            if least <= low and max(volts) <= most:
                power = sum([abs(numbers[i]) for i in self._powers])
                amperes = [numbers[i] for i in self._amperes]
                if power * self._carried <= low * sum(amperes):
                    if not self._direct or max(amperes) <= self._direct:
                        return True
        return self._scales(numbers).same(self._guess)

    def read(self, data: bytes | bytearray) -> "Reading | None":
        """The Reading that a walk would return, or None if a walk is needed."""
        if int.from_bytes(data, "big") & self._mask != self._constant:
            return None
        if self._nordic is not None and self._nordic != (data[1:5] == NORDIC):
            return None
        numbers = self._unpack(data)
        if self._groups and not self._holds(numbers):
            return None
        if not self._minute:
            return self.reading(data, numbers, None)
        minute, second = data[self._minute], data[self._minute + 1]
        if minute > 59 or second > 59:
            return None
        return self.reading(
            data,
            numbers,
            self._before + _TWO_DIGITS[minute] + ":" + _TWO_DIGITS[second] + self._behind,
        )


def _content(data: bytes | bytearray, place: int) -> tuple[int, int]:
    """(where the content of the value at data[place] is, its size)."""
    kind = _FORMATS.get(data[place])
    if kind:
        return place + 1, _SIZES[kind]
    if data[place] in (0x09, 0x0A, 0x0C) and data[place + 1] < 0x80:
        return place + 2, data[place + 1]
    return place, 0
