"""gurux-dlms, the reference stack: M-Bus, HDLC, block transfer, ciphering, notifications."""

import io
import sys
from collections.abc import Callable
from contextlib import redirect_stdout

from gurux_dlms import GXByteBuffer, GXReplyData
from gurux_dlms.enums import Authentication, InterfaceType, Security
from gurux_dlms.secure import GXDLMSSecureClient

from ..telegrams import Telegrams, Values
from .lists import numbers

NAME = "gurux-dlms"
DISTRIBUTION = "gurux-dlms"
ERRORS = (ValueError,)

_INTERFACES = {
    "mbus": InterfaceType.WIRED_MBUS,
    "hdlc": InterfaceType.HDLC,
    "gbt": InterfaceType.HDLC,
    "apdu": InterfaceType.PDU,
    "wrapper": InterfaceType.WRAPPER,
}
_TRAILER = 2  # checksum and stop byte of an M-Bus frame, which gurux leaves in the buffer


def reader(telegrams: Telegrams) -> Callable[[bytes], object] | None:
    interface = _INTERFACES.get(telegrams.link)
    if interface is None:
        return None
    client = GXDLMSSecureClient(True, 1, 1, Authentication.NONE, None, interface)
    if telegrams.ciphered:
        client.ciphering.security = Security.ENCRYPTION
        client.ciphering.blockCipherKey = telegrams.key
        client.ciphering.authenticationKey = telegrams.auth_key or bytes(16)
    step = _TRAILER if telegrams.link == "mbus" else 0

    def read(wire: bytes) -> object:
        buffer = GXByteBuffer()
        buffer.set(wire)
        data = GXReplyData()
        notify = GXReplyData()
        while notify.value is None and buffer.position < buffer.size:
            at = buffer.position
            client.getData(buffer, data, notify)
            if data.complete:
                buffer.position += step
            if buffer.position == at:
                break
        if notify.value is None:
            raise ValueError("no notification")
        return notify.value

    return _silent(read)


def _silent(read: Callable[[bytes], object]) -> Callable[[bytes], object]:
    """It prints a line or two per encrypted telegram."""
    nowhere = _Nowhere()

    def silent(wire: bytes) -> object:
        printed = sys.stdout
        sys.stdout = nowhere
        try:
            return read(wire)
        finally:
            sys.stdout = printed

    return silent


class _Nowhere(io.TextIOBase):
    def write(self, text: str) -> int:
        return len(text)


def values(result: object, telegrams: Telegrams) -> Values:
    with redirect_stdout(_Nowhere()):
        return numbers(_plain(result))


def _plain(node: object) -> object:
    if isinstance(node, list):
        return [_plain(child) for child in node]
    return bytes(node) if isinstance(node, bytearray) else node
