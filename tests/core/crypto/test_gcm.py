"""AES-128-GCM: NIST's vectors, and no plaintext without its tag."""

from smartmeter.crypto.aes import cbc_decrypt, ecb
from smartmeter.crypto.gcm import GCM, gcm
from smartmeter.fault import TAG, Rejected
from telegrams import tag_of


def unhex(text):
    return bytes([int(text[i : i + 2], 16) for i in range(0, len(text), 2)])


# McGrew and Viega, The Galois/Counter Mode of Operation, test cases 3 and 4
NIST_KEY = unhex("feffe9928665731c6d6a8f9467308308")
NIST_IV = unhex("cafebabefacedbaddecaf888")
PLAIN = unhex(
    "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
    "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b391aafd255"
)
CONTENT = unhex(
    "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e"
    "21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e091473f5985"
)
AAD = unhex("feedfacedeadbeeffeedfacedeadbeefabaddad2")
CASES = (
    (PLAIN, CONTENT, b"", unhex("4d5c2af327cd64a62cf35abd")),
    (PLAIN[:60], CONTENT[:60], AAD, unhex("5bc94fbc3221a5db94fae95a")),
)


def both():
    """GCM as the platform does it, and the one for where it has none."""
    return gcm(NIST_KEY), GCM(ecb(NIST_KEY))


def test_nist_vectors():
    for cipher in both():
        for plain, content, aad, tag in CASES:
            assert cipher.decrypt(NIST_IV, content, aad, tag) == plain
            assert cipher.decrypt(NIST_IV, content) == plain


def test_every_length_to_three_blocks():
    content = bytes([i * 7 & 255 for i in range(48)])
    for n in range(49):
        for aad in (b"", b"\x30" + NIST_KEY):
            tag = tag_of(NIST_KEY, NIST_IV, content[:n], aad)
            plains = [c.decrypt(NIST_IV, content[:n], aad, tag) for c in both()]
            assert plains[0] == plains[1]
            assert len(plains[0]) == n


def test_any_flipped_bit_is_refused():
    plain, content, aad, tag = CASES[1]
    for cipher in both():
        for i in range(96):
            bad = bytearray(tag)
            bad[i >> 3] ^= 1 << (i & 7)
            assert refused(cipher, content, aad, bytes(bad))
        for i in range(0, 480, 7):
            bad = bytearray(content)
            bad[i >> 3] ^= 1 << (i & 7)
            assert refused(cipher, bytes(bad), aad, tag)
        assert refused(cipher, content, aad[:-1], tag)


def test_a_tag_of_another_length_is_refused():
    plain, content, aad, tag = CASES[1]
    for cipher in both():
        for short in (b"", tag[:4], tag[:11], tag + b"\x00"):
            assert refused(cipher, content, aad, short)


def refused(cipher, content, aad, tag):
    try:
        cipher.decrypt(NIST_IV, content, aad, tag)
    except Rejected as e:
        return e.kind == TAG
    return False


def test_cbc():
    # FIPS 197 appendix B as one block of CBC: the plaintext is the block's XOR the vector
    key = unhex("2b7e151628aed2a6abf7158809cf4f3c")
    block = unhex("3925841d02dc09fbdc118597196a0b32")
    assert cbc_decrypt(key, bytes(16), block) == unhex("3243f6a8885a308d313198a2e0370734")
