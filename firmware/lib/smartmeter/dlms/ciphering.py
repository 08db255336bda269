"""General ciphering of DLMS (Green Book 9.2.7.2): general-glo (DB) and general-ded (DF).

    DB | length system title | system title | length | SC | IC(4) | content | tag(12)

The length is in BER form and covers everything after it. SC, the security control: bits 3-0 suite,
4 authenticated, 5 encrypted, 6 broadcast key, 7 compressed. The initialisation vector is system
title and IC, the invocation counter. The tag covers SC, authentication key and content. Suite 1
with a 128-bit key is AES-128-GCM like suite 0. So meters that send 0x21 (Kaifa MA309, TINETZ) are
decrypted like those that send 0x20.
"""

from ..crypto.aes import TAG_SIZE
from ..fault import CIPHER, KEY, LENGTH, PLAIN, REPLAY, TAG, UNENCRYPTED, Rejected
from ..reading import NONE, UNVERIFIED, VERIFIED
from .ber import ber_length

TYPE_CHECKING = False  # what follows is for mypy; a device has no typing
if TYPE_CHECKING:
    from collections.abc import Callable

    from ..context import Context
    from ..crypto.gcm import GCM
    from ..crypto.gcm_native import NativeGCM
    from ..reading import Reading

    Opened = tuple[bytes | bytearray, bytes, int | None, str, int]

GENERAL_GLO = 0xDB
GENERAL_DED = 0xDF

_AUTHENTICATED = 0x10
_ENCIPHERED = 0x20
_BROADCAST = 0x40
_COMPRESSED = 0x80
_SUITE = 0x0F
_SUITES = (0, 1)  # both AES-128-GCM; suite 2 has keys of 256 bits

# A meter that was exchanged, or got a new key, counts from 0 again. With an authentication key
# its telegrams are accepted if their time is later than the last one's. Without one they are
# accepted once so many in a row have grown; each refused one is reported.
RECOVERY = 8
_TITLES_MAX = 4  # counters kept: of so many system titles at a time


class Ciphering:
    """The keys of one meter, and the invocation counters seen.

    It adds to the Context's counters and times: by system title, the last counter accepted, and
    the time of that telegram if its tag was checked.
    """

    def __init__(self, ctx: "Context") -> None:
        self._auth_key = ctx.auth_key
        self._unencrypted = ctx.unencrypted
        self._gcm: "GCM | NativeGCM | None" = None
        if ctx.key:
            from ..crypto.gcm import gcm

            self._gcm = gcm(ctx.key)
        self.counters = ctx.counters
        self._times = ctx.times
        self._recovering: dict[
            bytes, tuple[int, int]
        ] = {}  # system title: (last counter refused, how many grew in a row)

    def open(self, data: bytes | bytearray, at: int = 0) -> "Opened":
        """(plain bytes, title, counter or None, auth, SC) of the encrypted APDU data[at:].

        Rejected if it cannot be opened.
        at is that of the length of the system title: behind the tag DB or DF, or the
        very start where a meter sends no tag (the Polish P1 form).
        """
        end = len(data)
        n, at = ber_length(data, at, end)
        if n not in (0, 8) or at + n > end:
            raise Rejected(LENGTH, "a system title is 8 bytes long or empty")
        title = bytes(data[at : at + n])
        n, at = ber_length(data, at + n, end)
        if n != end - at or n < 5:
            raise Rejected(LENGTH, "an encrypted APDU and its length field do not agree")
        control = data[at]
        self._check(control)
        counter = int.from_bytes(data[at + 1 : at + 5], "big")
        iv = (title or bytes(8)) + data[at + 1 : at + 5]
        tag = None
        content = at + 5
        if control & _AUTHENTICATED:
            end -= TAG_SIZE
            if end < content:
                raise Rejected(LENGTH, "an encrypted APDU is too short for its tag")
            tag = bytes(data[end:])
        elif self._auth_key:
            raise Rejected(TAG, "an authentication key is set, but the telegram has no tag")
        plain, auth = self._content(control, iv, memoryview(data)[content:end], tag)
        return plain, title, counter if title else None, auth, control

    def decode(
        self,
        payload: bytes | bytearray,
        ctx: "Context",
        read: "Callable[[str, bytes | bytearray], Reading]",
    ) -> "Reading":
        """The Reading of an encrypted APDU, once its counter is found to have grown.

        read takes the form (see receiver.py) and the bytes of what it holds; ctx learns under
        which title it came.
        """
        plain, ctx.title, counter, auth, control = self.open(payload, 1)
        ctx.guarded = ctx.guarded or auth == VERIFIED
        if is_text(plain):
            reading = read("text-encrypted", plain)
        elif is_telegram(plain):
            reading = read("apdu", plain)
        else:
            raise Rejected(KEY, "the key does not open the telegram")
        if counter is not None and control & _ENCIPHERED:  # anybody can write another counter
            self.accept(ctx.title, counter, reading.time)
        reading.counter = reading.seq = counter
        reading.auth = auth
        reading.layers = ("general ciphering, SC %02X" % control,) + reading.layers
        return reading

    def _check(self, control: int) -> None:
        if control & _COMPRESSED:
            raise Rejected(CIPHER, "the telegram is compressed (SC %02X): not known" % control)
        if control & _BROADCAST:
            raise Rejected(
                CIPHER, "the telegram is under the broadcast key (SC %02X), not yours" % control
            )
        if control & _SUITE not in _SUITES:
            raise Rejected(CIPHER, "security suite %d is not known" % (control & _SUITE))

    def _content(
        self, control: int, iv: bytes, content: memoryview, tag: bytes | None
    ) -> tuple[bytes | bytearray, str]:
        aad = b""
        if tag is None or not self._auth_key:
            tag_checked = None
        else:
            tag_checked = tag
            aad = bytes((control,)) + self._auth_key
        auth = NONE if tag is None else VERIFIED if tag_checked else UNVERIFIED
        if not control & _ENCIPHERED:
            plain = bytes(content)
            if tag_checked:
                self._known().decrypt(iv, b"", aad + plain, tag)
            if self._gcm and not self._unencrypted:
                raise Rejected(UNENCRYPTED, PLAIN)
            return plain, auth
        try:
            return self._known().decrypt(iv, content, aad, tag_checked), auth
        except Rejected as e:
            if e.kind == TAG and not is_telegram(self._known().decrypt(iv, content)):
                raise Rejected(KEY, "the key does not open the telegram")
            raise

    def _known(self) -> "GCM | NativeGCM":
        if not self._gcm:
            raise Rejected(KEY, "the telegram is encrypted, and no key is known")
        return self._gcm

    def accept(self, title: bytes, counter: int, time: "str | None") -> None:
        """Stores the counter of a valid telegram; Rejected if it does not grow.

        Only reading it to the end separates a telegram without a tag from noise,
        so this comes last. time: the telegram's own.
        """
        last = self.counters.get(title)
        if last is None:
            if len(self.counters) >= _TITLES_MAX:
                self.counters.clear()
                self._times.clear()
                self._recovering.clear()
        elif counter <= last and self._auth_key:
            from .freshness import is_later

            if not is_later(time, self._times.get(title)):
                raise Rejected(
                    REPLAY,
                    "invocation counter %d is not above the last, %d: a telegram sent again;"
                    " for a new key or meter, let the last counter be forgotten" % (counter, last),
                )
        elif counter <= last:
            before, grown = self._recovering.get(title, (-1, 0))
            grown = grown + 1 if counter > before else 1
            if grown < RECOVERY:
                self._recovering[title] = (counter, grown)
                raise Rejected(
                    REPLAY,
                    "invocation counter %d is not above the last, %d: a telegram sent again;"
                    " a new key or meter is accepted after %d that grow"
                    % (counter, last, RECOVERY),
                )
        if title in self._recovering:
            del self._recovering[title]
        self.counters[title] = counter
        if self._auth_key and time:
            self._times[title] = time


def is_telegram(plain: bytes | bytearray) -> bool:
    """Whether decrypted bytes begin like a telegram: data-notification, list or text."""
    if plain[:1] == b"\x0f":
        return plain[5:6] in (b"\x00", b"\x0c", b"\x09", b"\x19")
    return plain[:1] in (b"\x01", b"\x02") or is_text(plain)


def is_text(plain: bytes | bytearray) -> bool:
    """Whether they are P1's, with or (Poland) without its identification: / or 0-0: or 1-0:."""
    return plain[:1] == b"/" or plain[:4] in (b"0-0:", b"1-0:", b"1-3:")
