"""The unencrypted head of an encrypted telegram (Green Book 9.2.7.2)."""

from dataclasses import dataclass

from smartmeter.dlms.ber import ber_length
from smartmeter.dlms.ciphering import GENERAL_DED, GENERAL_GLO

_TAG = 12
_CI_AMIS = 0x5B


@dataclass(frozen=True)
class Head:
    """control: the security control, None for M-Bus encryption; title: b"" for none.

    size: bytes of the encrypted part.
    """

    control: int | None
    title: bytes
    counter: int | None
    size: int

    @staticmethod
    def of(payload: bytes) -> "Head | None":
        """The head of a telegram as a fault of kind "key" has it; None if it has none."""
        if payload[:1] in (bytes((GENERAL_GLO,)), bytes((GENERAL_DED,))):
            try:
                return _general(payload)
            except (ValueError, IndexError):
                return None
        if payload[2:3] in (bytes((_CI_AMIS,)), b"\x72"):
            return Head(None, b"", None, len(payload) - 15)
        return None


def _general(payload: bytes) -> Head:
    end = len(payload)
    size, at = ber_length(payload, 1, end)
    title = payload[at : at + size]
    _, at = ber_length(payload, at + size, end)
    control = payload[at]
    counter = int.from_bytes(payload[at + 1 : at + 5], "big")
    content = end - at - 5 - (_TAG if control & 0x10 else 0)
    return Head(control, title, counter, content)
