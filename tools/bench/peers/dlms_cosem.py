"""dlms-cosem: HDLC frames, general-glo-ciphering with a tag, data-notification.

It has no M-Bus framing (ours here, checked), no block transfer, and requires a tag.
"""

from collections.abc import Callable

from dlms_cosem import exceptions
from dlms_cosem.hdlc import exceptions as hdlc_exceptions
from dlms_cosem.hdlc.frames import UnnumberedInformationFrame
from dlms_cosem.protocol.xdlms import DataNotification, GeneralGlobalCipher
from dlms_cosem.utils import parse_as_dlms_data

from ..telegrams import Telegrams, Values
from .lists import numbers

NAME = "dlms-cosem"
DISTRIBUTION = "dlms-cosem"
ERRORS = (
    ValueError,
    exceptions.DecryptionError,
    exceptions.CipheringError,
    exceptions.DlmsClientException,
    hdlc_exceptions.HdlcException,
    hdlc_exceptions.HdlcParsingError,
)


def reader(telegrams: Telegrams) -> Callable[[bytes], object] | None:
    payloads = {"mbus": _mbus, "hdlc": _hdlc, "apdu": bytes}
    payload = payloads.get(telegrams.link)
    if payload is None or (telegrams.ciphered and not telegrams.tagged):
        return None
    key, auth_key = telegrams.key, telegrams.auth_key

    def read(wire: bytes) -> object:
        apdu = payload(wire)
        if apdu[0] == GeneralGlobalCipher.TAG:
            apdu = GeneralGlobalCipher.from_bytes(apdu).to_plain_apdu(key, auth_key)
        return parse_as_dlms_data(DataNotification.from_bytes(apdu).body)

    return read


def _hdlc(wire: bytes) -> bytes:
    payload: bytes = UnnumberedInformationFrame.from_bytes(wire).payload
    return payload[3:]


def _mbus(wire: bytes) -> bytes:
    apdu = b""
    at = 0
    while at < len(wire):
        stop = at + 4 + wire[at + 1]
        if (
            wire[at] != 0x68
            or stop + 2 > len(wire)
            or sum(wire[at + 4 : stop]) & 0xFF != wire[stop]
        ):
            raise ValueError("not an M-Bus frame")
        apdu += wire[at + 9 : stop]
        at = stop + 2
    return apdu


def values(result: object, telegrams: Telegrams) -> Values:
    return numbers(result)
