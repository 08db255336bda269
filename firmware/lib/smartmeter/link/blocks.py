"""General block transfer (Green Book 9.4.6.13): one APDU in numbered blocks.

    E0 | control | block number(2) | acknowledged block(2) | length | data

control: bit 7 last block, bit 6 streaming, bits 5-0 window. Block 1 always starts again:
a meter that abandons a transfer starts over. A gap or a block sent twice ends it, because
nothing in the blocks tells which of two is the right one.
"""

from ..fault import LENGTH, SEGMENT, Rejected

_BLOCK = 0xE0  # general-block-transfer: the tag of each block
_LAST = 0x80


class Blocks:
    """Assembles one transfer at a time; most is how many bytes an APDU may have."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._data: bytearray | None = None  # of the present transfer
        self._next = 1

    def unfinished(self) -> bool:
        return self._data is not None

    def restarts(self, buf: bytearray, start: int, stop: int) -> bool:
        """Whether buf[start:stop] begins another APDU during a transfer."""
        if self._data is None:
            return False
        return buf[start] != _BLOCK or buf[start + 2 : min(start + 4, stop)] == b"\x00\x01"

    def drop(self) -> None:
        self._data = None
        self._next = 1

    def add(self, apdu: bytes | bytearray) -> bytes | None:
        """The whole APDU's bytes after its last block, else None; Rejected for a wrong block."""
        if len(apdu) < 7:
            raise Rejected(LENGTH, "a block is cut short")
        number = apdu[2] << 8 | apdu[3]
        at = 7
        size = apdu[6]
        if size & 0x80:
            at += size & 0x7F
            if not 1 <= size & 0x7F <= 2 or at > len(apdu):
                raise Rejected(LENGTH, "a block's length field has no size that is known")
            size = int.from_bytes(apdu[7:at], "big")
        if size != len(apdu) - at:
            raise Rejected(LENGTH, "a block and its length field do not agree")
        if number == 1:
            self._data = bytearray()
            self._next = 1
        if self._data is None or number != self._next:
            expected = self._next
            self.drop()
            raise Rejected(
                SEGMENT,
                "block %d came where %d was to come: telegram given up" % (number, expected),
            )
        if len(self._data) + size > self._most:
            self.drop()
            raise Rejected(LENGTH, "a telegram in blocks is longer than %d bytes" % self._most)
        self._data += apdu[at:]
        self._next += 1
        if not apdu[1] & _LAST:
            return None
        whole = bytes(self._data)
        self.drop()
        return whole
