"""AES-128 with the platform's module: cryptolib on MicroPython, `cryptography` on CPython."""

from sys import implementation

TYPE_CHECKING = False  # what follows is for mypy; a device has no typing
if TYPE_CHECKING:
    from collections.abc import Callable

    Encipher = Callable[[bytearray], None]

TAG_SIZE = 12  # bytes of a GCM tag that DLMS sends (DLMS UA 1000-2, 9.2.4.8.3)

NATIVE = implementation.name != "micropython"
if NATIVE:
    from . import aes_native
else:
    from cryptolib import aes as _aes

_ECB = 1
_CBC = 2


def ecb(key: bytes) -> "Encipher":
    """A function that encrypts a bytearray of 16-byte blocks in place, each separately."""
    if NATIVE:
        return aes_native.ecb(key)
    encrypt = _aes(key, _ECB).encrypt

    def encipher(blocks: bytearray) -> None:
        encrypt(blocks, blocks)

    return encipher


def cbc_decrypt(key: bytes, iv: bytes, data: bytes | bytearray) -> bytes:
    """The plaintext of data, a multiple of 16 bytes encrypted in CBC mode from iv on."""
    if NATIVE:
        return aes_native.cbc_decrypt(key, iv, data)
    plain: bytes = _aes(key, _CBC, iv).decrypt(data)
    return plain
