"""AES-128-GCM (NIST SP 800-38D) for platforms that only have AES block by block.

Stock ESP32 builds of MicroPython have AES in ECB and CBC, but neither CTR nor GCM. So the counter
blocks are encrypted in one ECB call. GHASH is computed here, four bits at a time, on limbs of 28
bits. These are small ints on every port, so that no block of a telegram allocates. The tables are
indexed by secrets, which leaks through data caches; an ESP32 has none for its internal RAM.
"""

from struct import pack_into

from ..fault import TAG, Rejected
from .aes import NATIVE, TAG_SIZE, ecb

TYPE_CHECKING = False  # what follows is for mypy; a device has no typing
if TYPE_CHECKING:
    from .aes import Encipher
    from .gcm_native import NativeGCM

# What four bits that fall off the low end put back at the high end.
_FOLD = (0x0000, 0x1C20, 0x3840, 0x2460, 0x7080, 0x6CA0, 0x48C0, 0x54E0,
         0xE100, 0xFD20, 0xD940, 0xC560, 0x9180, 0x8DA0, 0xA9C0, 0xB5E0)  # fmt: skip


def gcm(key: bytes) -> "GCM | NativeGCM":
    """An object with decrypt(iv, data, aad, tag) for a key of 16 bytes; see GCM."""
    if NATIVE:
        from .gcm_native import NativeGCM

        return NativeGCM(key)
    return GCM(ecb(key))


class GCM:
    """One key: its AES schedule and its multiples of H, made once."""

    def __init__(self, encipher: "Encipher") -> None:
        """encrypt: aes.ecb of the key."""
        self._encipher = encipher
        block = bytearray(16)
        encipher(block)
        h = int.from_bytes(block, "big")
        m = [0] * 16
        for i in (8, 4, 2, 1):
            m[i] = h
            h = h >> 1 ^ (h & 1) * (0xE1 << 120)
        for i in range(3, 16):
            if i & (i - 1):
                m[i] = m[i & (i - 1)] ^ m[i & -i]
        limbs = [tuple([x >> s & 0xFFFFFFF for x in m]) for s in (100, 72, 44, 16)]
        limbs.append(tuple([x & 0xFFFF for x in m]))
        self._h = limbs

    def decrypt(
        self, iv: bytes, data: bytes | memoryview, aad: bytes = b"", tag: bytes | None = None
    ) -> bytearray:
        """The plaintext of data, a bytearray; with a tag, only if the tag is right.

        iv is 12 bytes, aad what the tag covers beside data, tag 12 bytes.
        """
        n = len(data)
        mask = self._blocks(iv, 1, 1)
        if tag is not None:
            if len(tag) != TAG_SIZE:
                raise Rejected(TAG, "the authentication tag is not 12 bytes long")
            y = self._ghash(aad, data)
            difference = 0
            for i in range(TAG_SIZE):
                difference |= y[i] ^ mask[i] ^ tag[i]
            if difference:
                raise Rejected(TAG, "the authentication tag does not match the telegram")
        stream = self._blocks(iv, 2, n + 15 >> 4)
        for i in range(n):  # in place: no number of 500 bytes, and no copy
            stream[i] ^= data[i]
        stream[n:] = b""
        return stream

    def _blocks(self, iv: bytes, first: int, count: int) -> bytearray:
        """The key stream of so many counter blocks (SP 800-38D, 6.5)."""
        stream = bytearray(16 * count)
        for i in range(count):
            pack_into(">12sI", stream, 16 * i, iv, first + i)
        self._encipher(stream)
        return stream

    def _ghash(self, aad: bytes, data: bytes | memoryview) -> bytearray:
        y = bytearray(16)
        self._fold(y, aad)
        self._fold(y, data)
        self._fold(y, (len(aad) << 67 | len(data) << 3).to_bytes(16, "big"))
        return y

    def _fold(self, y: bytearray, data: bytes | memoryview) -> None:
        ha, hb, hc, hd, he = self._h
        fold = _FOLD
        n = len(data)
        i = 0
        while i < n:
            j = 0
            while j < 16 and i < n:
                y[j] ^= data[i]
                j += 1
                i += 1
            a = b = c = d = e = 0
            j = 31
            while j >= 0:
                q = y[j >> 1] >> 4 if j & 1 == 0 else y[j >> 1] & 15
                j -= 1
                f = fold[e & 15]
                e = (e >> 4 | (d & 15) << 12) ^ he[q]
                d = (d >> 4 | (c & 15) << 24) ^ hd[q]
                c = (c >> 4 | (b & 15) << 24) ^ hc[q]
                b = (b >> 4 | (a & 15) << 24) ^ hb[q]
                a = a >> 4 ^ ha[q] ^ f << 12
            y[0] = a >> 20
            y[1] = a >> 12 & 255
            y[2] = a >> 4 & 255
            y[3] = (a & 15) << 4 | b >> 24
            y[4] = b >> 16 & 255
            y[5] = b >> 8 & 255
            y[6] = b & 255
            y[7] = c >> 20
            y[8] = c >> 12 & 255
            y[9] = c >> 4 & 255
            y[10] = (c & 15) << 4 | d >> 24
            y[11] = d >> 16 & 255
            y[12] = d >> 8 & 255
            y[13] = d & 255
            y[14] = e >> 8
            y[15] = e & 255
