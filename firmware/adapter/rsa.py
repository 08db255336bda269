"""RSA signatures, PKCS #1 v1.5 over SHA-256 (RFC 8017, 8.2.2), only with pow()."""

_INFO = bytes.fromhex("3031300d060960864801650304020105000420")  # DigestInfo, section 9.2
_EXPONENT = 65537
SIZES = (384, 512)  # bytes of a modulus: RSA-3072, RSA-4096


def verify(modulus: bytes, signature: bytes | bytearray, digest: bytes) -> bool:
    """Whether signature was made with the key of modulus for this SHA-256 digest."""
    size = len(modulus)
    if size not in SIZES or len(signature) != size:
        return False
    n = int.from_bytes(modulus, "big")
    s = int.from_bytes(signature, "big")
    if s >= n:
        return False
    fill = b"\xff" * (size - 3 - len(_INFO) - len(digest))
    return (
        pow(s, _EXPONENT, n).to_bytes(size, "big") == b"\x00\x01" + fill + b"\x00" + _INFO + digest
    )
