"""AES-128-GCM with `cryptography`, with the interface of gcm.GCM; CPython only.

GCM encrypts by XOR with a key stream (SP 800-38D, 7.1). So encrypting the ciphertext gives the
plaintext, and encrypting the plaintext gives the required tag. Two such calls in one shot take half
the time of one decryption with a tag of 12 bytes, which the one-shot interface does not accept.
"""

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.constant_time import bytes_eq

from ..fault import TAG, Rejected
from .aes import TAG_SIZE

_FULL_TAG = 16  # bytes, behind what encrypt() gives


class NativeGCM:
    """One key."""

    def __init__(self, key: bytes) -> None:
        self._encrypt = AESGCM(key).encrypt

    def decrypt(
        self, iv: bytes, data: bytes | memoryview, aad: bytes = b"", tag: bytes | None = None
    ) -> bytes:
        plain = self._encrypt(iv, data, None)[:-_FULL_TAG]
        if tag is None:
            return plain
        if len(tag) != TAG_SIZE:
            raise Rejected(TAG, "the authentication tag is not 12 bytes long")
        right = self._encrypt(iv, plain, aad)[-_FULL_TAG : TAG_SIZE - _FULL_TAG]
        if not bytes_eq(right, tag):
            raise Rejected(TAG, "the authentication tag does not match the telegram")
        return plain
