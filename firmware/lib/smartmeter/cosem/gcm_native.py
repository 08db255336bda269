"""AES-128-GCM by `cryptography`, with the face of gcm.GCM; CPython only."""

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from ..fault import TAG, Rejected
from .aes import TAG_SIZE

# GCM's counter blocks are the initialisation vector and a 32-bit number, 2 for the first
# data (SP 800-38D, 7.1). Enciphered by one context that is kept: making one costs more.
_COUNTERS = tuple([i.to_bytes(4, "big") for i in range(2, 260)])


class NativeGCM:
    """One key."""

    def __init__(self, key: bytes) -> None:
        self._aes = algorithms.AES(key)
        self._ecb = Cipher(self._aes, modes.ECB()).encryptor().update

    def decrypt(
        self, iv: bytes, data: bytes | memoryview, aad: bytes = b"", tag: bytes | None = None
    ) -> bytes:
        if tag is None:
            n = len(data)
            blocks = b"".join([iv + number for number in _COUNTERS[: n + 15 >> 4]])
            stream = self._ecb(blocks)[:n]
            return (int.from_bytes(data, "big") ^ int.from_bytes(stream, "big")).to_bytes(n, "big")
        if len(tag) != TAG_SIZE:
            raise Rejected(TAG, "the authentication tag is not 12 bytes long")
        decryptor = Cipher(self._aes, modes.GCM(iv, tag, TAG_SIZE)).decryptor()
        decryptor.authenticate_additional_data(aad)
        plain = decryptor.update(data)
        try:
            decryptor.finalize()
        except InvalidTag:
            raise Rejected(TAG, "the authentication tag does not fit the telegram")
        return plain
