"""Encrypted APDUs: general-glo-ciphering and general-ded-ciphering (IEC 62056-5-3, 5.7.2).

Security control (Green Book 9.2.7.2.4.1): bit 4 authenticated, bit 5 encrypted, low nibble suite.
"""

from __future__ import annotations

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from . import axdr

GENERAL_GLO = 0xDB
GENERAL_DED = 0xDF
AUTHENTICATED = 0x10
ENCRYPTED = 0x20
TAG_BYTES = 12


def protect(
    apdu: bytes,
    security: int,
    counter: int,
    system_title: bytes,
    key: bytes,
    auth_key: bytes | None,
) -> bytes:
    """Security control, invocation counter, (encrypted) text and the tag if there is one.

    Without the encrypted bit the text stays plain; without the authenticated bit there is no tag.
    The initialization vector is the system title, of zeros where it is empty, and the counter.
    """
    iv = (system_title or bytes(8)) + counter.to_bytes(4, "big")
    control = bytes((security,))
    text = apdu
    tag = b""
    if security & AUTHENTICATED:
        if auth_key is None:
            raise ValueError(f"security control {security:02x} needs an authentication key")
        if security & ENCRYPTED:
            sealed = AESGCM(key).encrypt(iv, apdu, control + auth_key)
            text, tag = sealed[:-16], sealed[-16:][:TAG_BYTES]
        else:
            tag = AESGCM(key).encrypt(iv, b"", control + auth_key + apdu)[:TAG_BYTES]
    elif security & ENCRYPTED:
        # GCM without a tag is counter mode that starts at 2 (NIST SP 800-38D, 7.1)
        encryptor = Cipher(algorithms.AES(key), modes.CTR(iv + (2).to_bytes(4, "big"))).encryptor()
        text = encryptor.update(apdu) + encryptor.finalize()
    return control + counter.to_bytes(4, "big") + text + tag


def general(
    system_title: bytes, protected: bytes, tag: int = GENERAL_GLO, ber: str = "short"
) -> bytes:
    """The whole APDU. tag: GENERAL_GLO or GENERAL_DED; ber: the form of the outer length."""
    return (
        bytes((tag, len(system_title)))
        + system_title
        + axdr.length(len(protected), ber)
        + protected
    )
