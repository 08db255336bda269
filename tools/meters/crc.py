"""The CRC-16s of the wire, by table; all but KMP's are reflected, least significant bit first."""

from __future__ import annotations


def _table(polynomial: int) -> list[int]:
    table = []
    for crc in range(256):
        for _ in range(8):
            crc = crc >> 1 ^ polynomial if crc & 1 else crc >> 1
        table.append(crc)
    return table


_CCITT = _table(0x8408)  # 1021 reflected
_ARC = _table(0xA001)  # 8005 reflected


def _run(data: bytes, crc: int, table: list[int]) -> int:
    for byte in data:
        crc = crc >> 8 ^ table[(crc ^ byte) & 0xFF]
    return crc


def x25(data: bytes) -> int:
    """CRC-16/X-25 of HDLC (ISO/IEC 13239) and SML: ones before and after."""
    return _run(data, 0xFFFF, _CCITT) ^ 0xFFFF


def kermit(data: bytes) -> int:
    """CRC-16/Kermit, the same polynomial from zero: some Holley meters' SML."""
    return _run(data, 0, _CCITT)


def arc(data: bytes) -> int:
    """CRC-16/ARC of P1 (DSMR 5.0.2, 6.2)."""
    return _run(data, 0, _ARC)


def xmodem(data: bytes) -> int:
    """CRC-16/XMODEM of Kamstrup's KMP: not reflected, from zero."""
    crc = 0
    for byte in data:
        crc ^= byte << 8
        for _ in range(8):
            crc = (crc << 1 ^ (0x1021 if crc & 0x8000 else 0)) & 0xFFFF
    return crc
