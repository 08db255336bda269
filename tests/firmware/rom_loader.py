"""A stand-in for the loader in an ESP32's ROM and for Espressif's stub, as esptool-js meets them.

Source: Espressif's "Serial Protocol" (docs.espressif.com, esptool). Packets are framed by SLIP: a
request is 0, command, size (2 bytes), checksum (4), data; an answer 1, command, size, value, data,
status. The stub's code is taken and not run: what follows MEM_END answers as the stub does.
"""

import hashlib
import struct
import zlib
from collections.abc import Iterator

FLASH_BYTES = 4 << 20
_END, _ESCAPE, _ESCAPED_END, _ESCAPED_ESCAPE = b"\xc0", b"\xdb", b"\xdb\xdc", b"\xdb\xdd"
_SYNC, _MEM_BEGIN, _MEM_END, _MEM_DATA = 0x08, 0x05, 0x06, 0x07
_WRITE_REG, _READ_REG, _CHANGE_BAUD = 0x09, 0x0A, 0x0F
_DEFLATED_BEGIN, _DEFLATED_DATA, _DEFLATED_END, _MD5, _ERASE = 0x10, 0x11, 0x12, 0x13, 0xD0
_REGISTERS = {
    0x40001000: 0x00F01D83,  # "this is an ESP32"
    0x3FF40014: 347,  # divider of the UART: a crystal of 40 MHz at 115200 baud
    0x3FF42080: 0x1640EF,  # where the flash chip's id is read: 4 MB
}
_CHECKSUM = 0xEF


class RomLoader:
    """flash is what is written; `erased` counts the erasures of all of it."""

    def __init__(self) -> None:
        self.flash = bytearray(b"\x00" * FLASH_BYTES)  # what was there before
        self.erased = 0
        self._waiting = b""
        self.reset()

    def reset(self) -> None:
        self._is_stub = False
        self._at = 0
        self._inflate = zlib.decompressobj()

    def take(self, data: bytes) -> Iterator[bytes]:
        """The packets that answer what has come."""
        self._waiting += data
        while _END in self._waiting:
            packet, _, self._waiting = self._waiting.partition(_END)
            if packet:
                packet = packet.replace(_ESCAPED_END, _END).replace(_ESCAPED_ESCAPE, _ESCAPE)
                yield from self._answers(packet)

    def _answers(self, packet: bytes) -> Iterator[bytes]:
        direction, command, size, checksum = struct.unpack_from("<BBHI", packet)
        data = packet[8:]
        assert (direction, size) == (0, len(data)), packet[:8]
        if command == _SYNC:
            for _ in range(8):
                yield self._packet(command, value=0 if self._is_stub else 0x20120707)
        elif command == _READ_REG:
            yield self._packet(command, value=_REGISTERS.get(struct.unpack("<I", data)[0], 0))
        elif command == _MEM_END:
            yield self._packet(command)
            self._is_stub = True
            yield _framed(b"OHAI")
        elif command in (_MEM_BEGIN, _WRITE_REG, _CHANGE_BAUD, _DEFLATED_END):
            yield self._packet(command)
        elif command == _MEM_DATA:
            _check(data[16:], checksum)
            yield self._packet(command)
        elif command == _ERASE and self._is_stub:
            self.erased += 1
            self.flash[:] = b"\xff" * FLASH_BYTES
            yield self._packet(command)
        elif command == _DEFLATED_BEGIN:
            self._at = struct.unpack("<4I", data)[3]
            self._inflate = zlib.decompressobj()
            yield self._packet(command)
        elif command == _DEFLATED_DATA:
            _check(data[16:], checksum)
            piece = self._inflate.decompress(data[16:])
            self.flash[self._at : self._at + len(piece)] = piece
            self._at += len(piece)
            yield self._packet(command)
        elif command == _MD5 and self._is_stub:
            address, length = struct.unpack_from("<2I", data)
            digest = hashlib.md5(self.flash[address : address + length]).digest()
            yield self._packet(command, digest)
        else:  # an ESP32's ROM repeats that it knows no such command
            for _ in range(8):
                yield self._packet(0, status=b"\x01\x05")

    def _packet(
        self, command: int, data: bytes = b"", value: int = 0, status: bytes = b"\x00\x00"
    ) -> bytes:
        status += b"" if self._is_stub else b"\x00\x00"  # the ROM's has four bytes
        head = struct.pack("<BBHI", 1, command, len(data) + len(status), value)
        return _framed(head + data + status)


def _check(data: bytes, checksum: int) -> None:
    found = _CHECKSUM
    for byte in data:
        found ^= byte
    assert found == checksum, "a block's checksum is wrong"


def _framed(packet: bytes) -> bytes:
    escaped = packet.replace(_ESCAPE, _ESCAPED_ESCAPE).replace(_END, _ESCAPED_END)
    return _END + escaped + _END
