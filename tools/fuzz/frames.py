"""Which checked pieces a wire holds, found on their own: for telling chance from a defect.

A 16-bit CRC lets one damage in 65 536 through, and two telegrams' blocks put together pass
block by block where no tag holds them together. No reader can tell; so a different reading
made of such pieces is counted apart.
"""

from tools.meters import crc, sml

Pieces = frozenset[bytes]


def checked(link: str, wire: bytes) -> Pieces:
    """Every piece of wire that stands under a CRC which agrees."""
    if link == "hdlc":
        return frozenset(_hdlc(wire))
    if link == "sml":
        return frozenset(_sml(wire))
    if link == "p1":
        return frozenset(_p1(wire))
    return frozenset()


def _hdlc(wire: bytes) -> list[bytes]:
    if b"\x7e" not in wire:
        return [wire]  # without its frame it is a bare APDU, which no CRC covers
    found = []
    at = wire.find(b"\x7e")
    while 0 <= at < len(wire) - 3:
        size = (wire[at + 1] & 7) << 8 | wire[at + 2]
        frame = wire[at + 1 : at + 1 + size]
        if len(frame) == size > 9 and crc.x25(frame[:-2]) == int.from_bytes(frame[-2:], "little"):
            found.append(frame)
        at = wire.find(b"\x7e", at + 1)
    return found


def _sml(wire: bytes) -> list[bytes]:
    found = []
    at = wire.find(sml.ESCAPE + sml.BEGIN)
    while at >= 0:
        stop = wire.find(sml.ESCAPE + b"\x1a", at)
        while stop >= 0:
            told = wire[stop + 6 : stop + 8]
            values = (crc.x25(wire[at : stop + 6]), crc.kermit(wire[at : stop + 6]))
            if any(told in (v.to_bytes(2, "little"), v.to_bytes(2, "big")) for v in values):
                found.append(wire[at : stop + 8])
            stop = wire.find(sml.ESCAPE + b"\x1a", stop + 1)
        at = wire.find(sml.ESCAPE + sml.BEGIN, at + 1)
    return found


def _p1(wire: bytes) -> list[bytes]:
    found = []
    at = wire.find(b"/")
    while at >= 0:
        stop = wire.find(b"!", at)
        while stop >= 0:
            told = wire[stop + 1 : stop + 5].split(b"\r")[0].split(b"\n")[0]
            text = wire[at : stop + 1]
            sent = text.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
            try:
                # One that lost its CRC is covered by none; who has heard the meter before refuses
                # it, and this receiver has not.
                if not told or int(told, 16) in {crc.arc(text), crc.arc(sent), crc.x25(sent)}:
                    found.append(text)
            except ValueError:
                pass
            stop = wire.find(b"!", stop + 1)
        at = wire.find(b"/", at + 1)
    return found
