"""Why bytes did not become a reading."""

# kind: its meaning for the user
CHECKSUM = (
    "checksum"  # a link layer's sum, CRC, BCC or FCS does not agree: line noise, parity, cabling
)
LENGTH = "length"  # a telegram cut short, too long, or longer than its own length field
SEGMENT = "segment"  # a segment or block is missing, doubled or out of order
KEY = "key"  # encrypted and no key is known, or the key at hand does not open it
TAG = "tag"  # the authentication tag is wrong, or missing although an authentication key is set
REPLAY = "replay"  # an invocation counter that does not grow
CIPHER = (
    "cipher"  # a security control that is not supported: compression, broadcast key, unknown suite
)
UNENCRYPTED = "unencrypted"  # a key is set, and the telegram is not encrypted
LAYOUT = "layout"  # decrypted and whole, but not a list of values we can read to the last byte
VALUE = "value"  # a value outside what can be: a scale, a voltage, a date
NOISE = "noise"  # bytes that belong to no telegram

KINDS = (CHECKSUM, LENGTH, SEGMENT, KEY, TAG, REPLAY, CIPHER, UNENCRYPTED, LAYOUT, VALUE, NOISE)


PLAIN = "a key is set, but the telegram is not encrypted; set unencrypted = true if that is right"


class Fault:
    """An event of the Receiver: kind is one of KINDS, detail one sentence a user can act on.

    detail never holds a key or a part of a payload.

    payload is the whole telegram from its link layer if a decoder refused it. It is for a bug
    report, or, with kind "key", for another program that has the key (feed it to a Receiver with
    link="apdu"). It is None if the link already refused it. span is how many bytes of the line the
    fault covers. Links set it, so that a search for a telegram inside a damaged one reports the
    damage only once.
    """

    __slots__ = ("detail", "kind", "payload", "span")

    def __init__(self, kind: str, detail: str, span: int = 0) -> None:
        self.kind = kind
        self.detail = detail
        self.payload: bytes | None = None
        self.span = span

    def __repr__(self) -> str:
        return "Fault(%r, %r)" % (self.kind, self.detail)


class Rejected(ValueError):
    """Raised inside the core to refuse a telegram; the Receiver turns it into a Fault."""

    def __init__(self, kind: str, detail: str) -> None:
        super().__init__(detail)
        self.kind = kind
        self.detail = detail
