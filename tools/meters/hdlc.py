"""HDLC frame format type 3 as in IEC 62056-46: segmentation, and general block transfer in it."""

from __future__ import annotations

from . import crc

LLC = bytes.fromhex("e6e700")  # IEC 62056-46, 5.2: server to client
UI_FINAL = 0x13
SEGMENTED = 0x0800
FORMAT = 0xA000

BLOCK_TRANSFER = 0xE0  # IEC 62056-5-3: general-block-transfer
LAST_BLOCK, STREAMING = 0x80, 0x40


def frame(
    destination: bytes, source: bytes, control: int, info: bytes, segmented: bool = False
) -> bytes:
    """7E ... 7E. The length counts from the format field to the last check sequence."""
    size = 2 + len(destination) + len(source) + 1 + 2 + (len(info) + 2 if info else 0)
    if size > 0x7FF:
        raise ValueError(f"an HDLC frame of {size} bytes is longer than its length field allows")
    kind = FORMAT | size | (SEGMENTED if segmented else 0)
    head = kind.to_bytes(2, "big") + destination + source + bytes((control,))
    body = head + crc.x25(head).to_bytes(2, "little")
    if info:
        body += info
        body += crc.x25(body).to_bytes(2, "little")
    return b"\x7e" + body + b"\x7e"


def push(
    apdu: bytes,
    destination: bytes,
    source: bytes,
    control: int = UI_FINAL,
    info_bytes: int = 2000,
    llc_in_all: bool = False,
    shared_flags: bool = False,
) -> bytes:
    """The frames that carry an APDU, info_bytes of LLC and APDU in each but the last.

    A segment that is not the last has the segmentation bit and, as the AM550 does, no final bit.
    """
    info = LLC + apdu
    parts = [info[at : at + info_bytes] for at in range(0, len(info), info_bytes)]
    frames = []
    for number, part in enumerate(parts):
        more = number < len(parts) - 1
        llc = LLC if number and llc_in_all else b""
        frames.append(
            frame(destination, source, control & ~0x10 if more else control, llc + part, more)
        )
    return join(frames, shared_flags)


def push_blocks(
    apdu: bytes,
    destination: bytes,
    source: bytes,
    sizes: tuple[int, ...] = (119, 122),
    control: int = UI_FINAL,
    shared_flags: bool = False,
) -> bytes:
    """General block transfer, one block a frame, streaming; the last of sizes is repeated."""
    frames, number = [], 1
    while True:
        size = sizes[min(number, len(sizes)) - 1]
        part, apdu = apdu[:size], apdu[size:]
        flags = STREAMING if apdu else STREAMING | LAST_BLOCK
        block = bytes((BLOCK_TRANSFER, flags)) + number.to_bytes(2, "big") + bytes(2)
        block += (bytes((len(part),)) if len(part) < 0x80 else bytes((0x81, len(part)))) + part
        frames.append(frame(destination, source, control, (LLC if number == 1 else b"") + block))
        if not apdu:
            return join(frames, shared_flags)
        number += 1


def join(frames: list[bytes], shared_flags: bool) -> bytes:
    """The frames in a row; shared_flags: a closing flag is the next frame's opening flag."""
    if not shared_flags:
        return b"".join(frames)
    return frames[0] + b"".join(frame[1:] for frame in frames[1:])
