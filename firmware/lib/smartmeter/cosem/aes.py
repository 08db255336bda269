"""AES-128 by what the platform has: cryptolib on MicroPython, `cryptography` on CPython.

`cryptography` is imported with the first key and not before: it costs 15 ms and 9 MB.
"""

from ..fault import TAG, Rejected

TAG_SIZE = 12  # bytes of a GCM tag that DLMS sends (DLMS UA 1000-2, 9.2.4.8.3)

try:
    from cryptolib import aes as _aes
except ImportError:
    _aes = None

_ECB = 1
_CBC = 2


def ecb(key):
    """A function that enciphers whole 16-byte blocks under key, each for itself."""
    if _aes:
        return _aes(key, _ECB).encrypt
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

    return Cipher(algorithms.AES(key), modes.ECB()).encryptor().update


def cbc_decrypt(key, iv, data):
    """The plaintext of data, a multiple of 16 bytes enciphered in CBC mode from iv on."""
    if _aes:
        return _aes(key, _CBC, iv).decrypt(data)
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

    return Cipher(algorithms.AES(key), modes.CBC(iv)).decryptor().update(data)


def gcm(key):
    """An object with decrypt(iv, data, aad, tag) for AES-128-GCM; see gcm.GCM."""
    if _aes:
        from .gcm import GCM

        return GCM(ecb(key))
    return NativeGCM(key)


class NativeGCM:
    """GCM by `cryptography`, with the same face as gcm.GCM."""

    def __init__(self, key):
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

        self._aes = algorithms.AES(key)
        self._cipher = Cipher
        self._modes = modes
        self._invalid = InvalidTag

    def decrypt(self, iv, data, aad=b"", tag=None):
        if tag is None:  # GCM's counter blocks are iv and a 32-bit number, 2 for the first data
            mode = self._modes.CTR(iv + b"\x00\x00\x00\x02")
            return self._cipher(self._aes, mode).decryptor().update(data)
        if len(tag) != TAG_SIZE:
            raise Rejected(TAG, "the authentication tag is not 12 bytes long")
        decryptor = self._cipher(self._aes, self._modes.GCM(iv, tag, TAG_SIZE)).decryptor()
        decryptor.authenticate_additional_data(aad)
        plain = decryptor.update(data)
        try:
            decryptor.finalize()
        except self._invalid:
            raise Rejected(TAG, "the authentication tag does not fit the telegram")
        return plain
