"""M-Bus long frames of the wired push (EN 13757-2, 5.1; segmentation by the CI field)."""

from __future__ import annotations

SND_UD = 0x53
BROADCAST = 0xFF
LAST = 0x10  # CI bit 4: FIN; bits 3..0 the segment's number
STSAP, DTSAP = 0x01, 0x67  # management logical device to consumer information push client


def frame(content: bytes) -> bytes:
    """68 L L 68, content (C field to last data byte), checksum, 16. L is the length mod 256."""
    size = len(content) & 0xFF
    return bytes((0x68, size, size, 0x68)) + content + bytes((sum(content) & 0xFF, 0x16))


def push(apdu: bytes, data_bytes: int = 245, control: int = SND_UD) -> bytes:
    """The frames that carry an APDU, data_bytes of it in each but the last.

    245 fills the L field with 250; 252 is the old Sagemcom firmware's, whose L field overflows.
    """
    parts = [apdu[at : at + data_bytes] for at in range(0, len(apdu), data_bytes)]
    if len(parts) > 16:
        raise ValueError(f"{len(apdu)} bytes need more than 16 M-Bus segments of {data_bytes}")
    wire = b""
    for number, part in enumerate(parts):
        ci = number | (LAST if number == len(parts) - 1 else 0)
        wire += frame(bytes((control, BROADCAST, ci, STSAP, DTSAP)) + part)
    return wire


def short(control: int, address: int) -> bytes:
    """10 C A checksum 16, such as SND_NKE."""
    return bytes((0x10, control, address, (control + address) & 0xFF, 0x16))
