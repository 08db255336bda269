"""A frame's layout, kept: a meter's next frame has the same labels in the same places.

What a walk found to be numbers, dates and groups that say nothing may differ. If all other bytes
are the same (labels, separators, texts that count, the date up to its hour), a walk would find the
same places, and the numbers are read there at once.
Only for CPython: a device has one frame in a second or two, and no heap to spare.
"""

from struct import Struct

from ..dlms.lists.reading_template_native import ReadingTemplate

TYPE_CHECKING = False  # what follows is for mypy
if TYPE_CHECKING:
    from ..checks.coherence import Coherence
    from ..reading import Reading

_HOUR = 9  # characters of a date up to its hour: the season and YYMMDDhh
_MINUTES = 4  # and the rest: mmss
_LAST_TENS = b"012345"


class Plan(ReadingTemplate):
    """places: where the value of each label begins; kinds: decode._kinds of the same groups."""

    def __init__(
        self,
        frame: bytes,
        places: "dict[str, int]",
        kinds: "dict[str, str]",
        reading: "Reading",
        derived: "list[tuple[str, str, str, int]]",
        coherence: "Coherence",
    ) -> None:
        mask = bytearray(len(frame))
        form = []
        slots: "list[tuple[str, int, int, int]]" = []
        self._minute = 0  # where that of the time is, 0 without a time
        self._before = self._behind = ""
        done = 0
        at = 1
        for label, place in places.items():
            stop = frame.index(b"\r", at)
            behind = stop - 2  # the separator before the check
            start = at + 1 + len(label) + 1
            mask[at:start] = b"\xff" * (start - at)
            mask[stop] = mask[behind] = 0xFF
            if label in kinds:
                mask[place - 1] = 0xFF
                if kinds[label]:
                    form.append("%dx%ds" % (place - done, behind - place))
                    done = behind
                    slots.append((kinds[label], 0, 0, 10 ** (behind - place) - 1))
                else:
                    mask[place:behind] = b"\xff" * (behind - place)
            elif label == "DATE":
                mask[start:behind] = b"\xff" * (behind - start)
                if reading.time:
                    self._minute = start + _HOUR
                    mask[self._minute : self._minute + _MINUTES] = bytes(_MINUTES)
                    self._before, self._behind = reading.time[:14], reading.time[19:]
            at = stop + 1
        super().__init__(reading, slots, derived)
        self._mask = int.from_bytes(mask, "big")
        self._constant = int.from_bytes(frame, "big") & self._mask
        self._numbers = Struct("".join(form)).unpack_from
        self._tabs = frame.count(b"\t")
        self._coherence = coherence

    def read(self, frame: bytes) -> "Reading | None":
        """The Reading of a frame as long as this one; None if a walk is needed."""
        if not frame.isascii() or frame.count(b"\t") != self._tabs:
            return None
        if int.from_bytes(frame, "big") & self._mask != self._constant:
            return None
        numbers = self._numbers(frame)
        if not b"".join(numbers).isdigit():
            return None
        time: "str | None" = None
        if self._minute:
            rest = frame[self._minute : self._minute + _MINUTES]
            if not rest.isdigit() or rest[0] not in _LAST_TENS or rest[2] not in _LAST_TENS:
                return None
            told = str(rest, "ascii")
            time = self._before + told[:2] + ":" + told[2:] + self._behind
        reading = self.reading(frame, map(int, numbers), time)
        if reading:
            self._coherence.check(reading.values)
        return reading
