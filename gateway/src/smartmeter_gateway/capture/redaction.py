"""Removes identifying numbers from a telegram for a bug report, so that it stays a telegram.

Everything that may identify a meter is blanked. In strings, digits become 0 and letters X, except
in names of makers and lists. Numbers stay, because a report is about them.
"""

import re

from smartmeter import Reading, Receiver
from smartmeter.checks.crc import arc, x25, xmodem
from smartmeter.dlms.ciphering import Ciphering, is_text
from smartmeter.link.kmp import ANSWER, ESCAPE, GET_REGISTER, HEAT_METER, SPECIAL, STOP

from .redaction_binary import apdu, records, registers, sml
from .redaction_text import blank_string, groups, names_meter, text

# Texts that do not identify a meter: the push setup's code, the type of a Kamstrup.
_NO_NUMBERS = ("1-1:96.1.1", "25.9.0")

_ESCAPE = b"\x1b\x1b\x1b\x1b"
_AMIS = "SAM"  # the maker of meters whose long header has no number


def redacted(reading: Reading) -> bytes | None:
    """The reading's telegram decrypted and blanked, framed so that `decode` can read it again.

    None if an identifier may be left in it.
    """
    try:
        return _redacted(reading)
    except (ValueError, IndexError):  # bytes that the core skips, and that are not elements
        return None


def _redacted(reading: Reading) -> bytes | None:
    payload = bytes(reading.payload)
    kind = reading.layers[-1]
    if kind == "data lines":
        plain = text(payload)
        found = _framed_text(plain, reading.layers[0])
    elif kind == "GetListResponse":
        plain = sml(payload)
        found = _framed_sml(plain)
    elif kind == "labels":
        found = plain = groups(payload)
    elif kind == "records":
        plain = records(payload)
        maker = _AMIS if "AES-CBC" in reading.layers else reading.meter[:3]
        group = next(iter(reading.codes.values()))[0]
        found = _framed_records(plain, maker, _TYPES[group])
    elif kind == "registers":
        plain = registers(payload)
        found = _framed_registers(plain)
    else:
        numbers = [v for key, (v, _) in reading.values.items() if names_meter(reading.codes[key])]
        found = plain = apdu(payload, numbers)
    return None if _tells(plain, reading) else found


def redacted_payload(payload: bytes, key: bytes | None) -> bytes | None:
    """The same for a telegram that was refused after decryption; None if it is none of these."""
    try:
        if payload[:1] in (b"\xdb", b"\xdf"):
            payload = bytes(Ciphering(Receiver(key, unencrypted=True)).open(payload, 1)[0])
        first = payload[:1]
        if payload[:2] == b"\x02\n":
            return groups(payload)
        if first in (b"\x0f", b"\x01", b"\x02"):
            return apdu(payload, ())
        if first == b"\x76":
            return _framed_sml(sml(payload))
        return text(payload) if is_text(payload) else None
    except (ValueError, IndexError):
        return None


def identity(value: str) -> str:
    """The redacted form of an identifier: KFM0000000000000 for KFM1200200000005."""
    return blank_string(value.encode("ascii", "replace")).decode("ascii")


def blank_number(code: str, number: str) -> str:
    """The redacted form of a value: zeros if its "A-B:C.D.E" is a meter's number."""
    return re.sub("[0-9]", "0", number) if names_meter(code) else number


def system_title(title: bytes) -> str:
    """The redacted form of a system title: the maker's letters."""
    return title[:3].decode("ascii", "replace") + " and 5 bytes blanked"


def _tells(plain: bytes, reading: Reading) -> bool:
    """Whether a number of the meter is still there, as text or as the bytes of hex digits."""
    values = [v for code, v in reading.texts.items() if not code.endswith(_NO_NUMBERS)]
    for value in (reading.meter, *values):
        for number in re.findall(r"[0-9A-F]*\d{5,}[0-9A-F]*", value):
            if not number.strip("0"):
                continue
            if number.encode() in plain:
                return True
            if len(number) >= 10 and len(number) % 2 == 0 and bytes.fromhex(number) in plain:
                return True
    return False


def _framed_text(plain: bytes, link: str) -> bytes:
    if link == "iec62056":
        block = plain + b"!\r\n\x03"
        bcc = 0
        for byte in block:
            bcc ^= byte
        return b"\x02" + block + bytes((bcc,))
    if plain[:1] != b"/":  # Poland's identification is not within the encrypted block
        plain = b"/XXX5\r\n\r\n" + plain
    plain += b"!"
    return plain + b"%04X\r\n" % arc(plain, 0, len(plain))


def _framed_sml(plain: bytes) -> bytes:
    body = plain.replace(_ESCAPE, _ESCAPE * 2)
    fill = -len(body) % 4
    frame = _ESCAPE + b"\x01\x01\x01\x01" + body + bytes(fill) + _ESCAPE + b"\x1a" + bytes((fill,))
    return frame + x25(frame, 0, len(frame)).to_bytes(2, "little")


# A meter's type in M-Bus by group A of its codes: electricity, cooling, heat, gas, cold, hot water
_TYPES = {"1": 2, "5": 10, "6": 4, "7": 3, "8": 7, "9": 6}


def _framed_records(plain: bytes, maker: str, kind: int) -> bytes:
    """RSP_UD with a long header (EN 13757-3, 5.6.2) of the maker's, all its numbers 0."""
    a, b, c = (ord(letter) - 64 for letter in maker) if len(maker) == 3 else (0, 0, 0)
    header = bytes(4) + (a << 10 | b << 5 | c).to_bytes(2, "little") + bytes((0, kind, 0, 0, 0, 0))
    body = b"\x08\x00\x72" + header + plain
    size = bytes((len(body) & 0xFF,))
    return b"\x68" + size + size + b"\x68" + body + bytes((sum(body) & 0xFF, 0x16))


def _framed_registers(plain: bytes) -> bytes:
    """A heat meter's answer by KMP (smartmeter/link/kmp.py)."""
    content = bytes((HEAT_METER, GET_REGISTER)) + plain
    content += xmodem(content, 0, len(content)).to_bytes(2, "big")
    escaped = b"".join(bytes((ESCAPE, b ^ 0xFF)) if b in SPECIAL else bytes((b,)) for b in content)
    return bytes((ANSWER,)) + escaped + bytes((STOP,))
