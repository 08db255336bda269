"""AES-128 with `cryptography`, with the interface of aes.py; CPython only.

It is imported with the first key and not before: it costs 15 ms and 9 MB.
"""

TYPE_CHECKING = False  # what follows is for mypy
if TYPE_CHECKING:
    from collections.abc import Callable


def ecb(key: bytes) -> "Callable[[bytearray], None]":
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

    update = Cipher(algorithms.AES(key), modes.ECB()).encryptor().update

    def encipher(blocks: bytearray) -> None:
        blocks[:] = update(blocks)

    return encipher


def cbc_decrypt(key: bytes, iv: bytes, data: bytes | bytearray) -> bytes:
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

    return Cipher(algorithms.AES(key), modes.CBC(iv)).decryptor().update(data)
