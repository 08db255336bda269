"""An SML telegram's layout, kept: a meter's next telegram only differs in known places.

The walk of sml.py marks what it takes as a number and what it passes over unread: the ids of
transactions, status words, times, signatures, the messages' own CRCs. Of a telegram that is the
same to the byte in all the rest - types, lengths, codes, units, scalers, the server's id - the
walk would take the same places, so that the numbers are read there at once.
"""

from struct import Struct

from ..dlms.lists.reading_template_native import ReadingTemplate

TYPE_CHECKING = False  # what follows is for mypy
if TYPE_CHECKING:
    from ..reading import Reading

_WINDOW = 8  # bytes read for each number: it and what stands before, 13 bytes of its entry or more


class Marks:
    """Places in the payload that a walk has found.

    free: [(first byte, size)] of what it passes over. slots: [(first byte, size, whether it is
    signed, key, scaler)]. times: where each list's time is.
    """

    def __init__(self) -> None:
        self.free: "list[tuple[int, int]]" = []
        self.slots: "list[tuple[int, int, bool, str, int]]" = []
        self.times: "list[int]" = []


class SmlPlan(ReadingTemplate):
    def __init__(
        self,
        data: bytes,
        marks: Marks,
        reading: "Reading",
        derived: "list[tuple[str, str, str, int]]",
    ) -> None:
        mask = bytearray(b"\xff" * len(data))
        for at, size in marks.free:
            mask[at : at + size] = bytes(size)
        form = [">"]
        done = 0
        slots = []
        self._places = []  # (ones for all bits of the number, its sign bit)
        for at, size, signed, key, scaler in marks.slots:
            mask[at : at + size] = bytes(size)
            form.append("%dxq" % (at + size - _WINDOW - done))
            done = at + size
            bits = (1 << 8 * size) - 1
            sign = bits + 1 >> 1 if signed else 0
            self._places.append((bits, sign))
            slots.append((key, scaler, -sign, bits - sign))
        super().__init__(reading, slots, derived)
        self.times = marks.times
        self._unpack = Struct("".join(form)).unpack_from
        self._mask = int.from_bytes(mask, "big")
        self._constant = int.from_bytes(data, "big") & self._mask

    def read(self, data: bytes) -> "Reading | None":
        """The Reading without its time, or None if a walk is needed."""
        if int.from_bytes(data, "big") & self._mask != self._constant:
            return None
        numbers = [
            ((window & bits) ^ sign) - sign
            for (bits, sign), window in zip(self._places, self._unpack(data))
        ]
        return self.reading(data, numbers, None)
