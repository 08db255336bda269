"""How telegrams begin: checked before a link's module is loaded for them.

Noise contains every byte that a link may start with. A line at a wrong baud rate would soon have
loaded all of them, and on a device the decoder would have no heap left. So the first telegram of a
link must show more than its first byte. From then on the link searches alone.
"""

# First byte: links that may start with it, in the order they are asked.
STARTS = {
    0x68: ("mbus",),
    0x10: ("mbus",),
    0xE5: ("mbus",),
    0x7E: ("hdlc",),
    0x1B: ("sml",),
    0x2F: ("p1", "iec62056"),
    0x30: ("iec62056",),
    0x31: ("iec62056",),
    0x43: ("iec62056",),
    0x46: ("iec62056",),
    0x02: ("apdu", "tic", "iec62056"),
    0x00: ("wrapper",),
    0x40: ("kmp",),
    0x80: ("kmp",),
    0x0F: ("apdu",),
    0xDB: ("apdu",),
    0xDF: ("apdu",),
    0xE6: ("apdu",),
}

NOT = -1
OPEN = 0  # until more bytes are there
YES = 1
IDLE = 2  # a byte that such a line may have, and that says nothing

_STARTS_OF = {
    "sml": b"\x1b\x1b\x1b\x1b\x01\x01\x01\x01",
    "tic": b"\x02\nAD",
    "wrapper": b"\x00\x01\x00",
}
_KMP = b"\x3f\x10"  # behind the byte that says who speaks: the heat meter's registers
_LLC = b"\xe6\xe7\x00"
_IDENTIFICATION_MAX = 80
_CODE_MAX = 20
_DATE_TIMES = b"\x00\x09\x0c\x19"  # what stands for it in a data-notification


def detect(name: str, buf: bytearray, at: int, end: int) -> int:
    """YES, NOT, OPEN or IDLE: whether a telegram of the link begins at buf[at]."""
    first = buf[at]
    whole = _LLC if first == _LLC[0] else _STARTS_OF.get(name)
    if name == "kmp":
        whole = bytes((first,)) + _KMP
    if whole:
        have = bytes(buf[at : min(at + len(whole), end)])
        return NOT if not whole.startswith(have) else YES if have == whole else OPEN
    if name == "mbus":
        return _mbus(buf, at, end)
    if name == "hdlc":
        return _hdlc(buf, at, end)
    if name == "apdu":
        return _apdu(buf, at, end)
    if first == 0x2F:
        for i in range(at + 1, min(at + 4, end)):
            if not 65 <= buf[i] & 0xDF <= 90 and (name == "p1" or buf[at + 1] != 0x3F):
                return NOT
        return _line(buf, at, end)
    return _code(buf, at, end)


def _mbus(buf: bytearray, at: int, end: int) -> int:
    have = end - at
    if buf[at] == 0xE5:
        return IDLE
    if buf[at] == 0x10:
        if have < 5:
            return OPEN
        whole = buf[at + 4] == 0x16 and (buf[at + 1] + buf[at + 2]) & 0xFF == buf[at + 3]
        return YES if whole else NOT
    if (have > 2 and buf[at + 1] != buf[at + 2]) or (have > 3 and buf[at + 3] != 0x68):
        return NOT
    return YES if have > 3 else OPEN


def _hdlc(buf: bytearray, at: int, end: int) -> int:
    if end - at < 2:
        return OPEN
    if buf[at + 1] == 0x7E:
        return IDLE
    if buf[at + 1] & 0xF0 != 0xA0:
        return NOT
    head = at + 3
    for _ in range(2):  # destination, source
        most = head + 4
        while True:
            if head >= end:
                return OPEN
            head += 1
            if buf[head - 1] & 1:
                break
            if head == most:
                return NOT
    head += 1  # control
    if head + 2 > end:
        return OPEN
    from ..checks.crc import x25

    return YES if x25(buf, at + 1, head) == buf[head] | buf[head + 1] << 8 else NOT


def _apdu(buf: bytearray, at: int, end: int) -> int:
    first = buf[at]
    have = end - at
    if first == 0x0F:
        return OPEN if have < 6 else YES if buf[at + 5] in _DATE_TIMES else NOT
    if first == 0x02:
        return is_list(buf, at, end)
    if have < 2:
        return OPEN
    return YES if buf[at + 1] in (0, 8) else NOT


def is_list(buf: bytearray, at: int, end: int) -> int:
    """YES, NOT or OPEN: whether the 02 at buf[at] may begin a list without its data-notification.

    It must have four values or more. The first is a text, a descriptor, a row with its code, or a
    number of two bytes before another.
    """
    if end - at < 6:
        return OPEN
    count, first, size, third, last = buf[at + 1 : at + 6]
    if first == 0x01:
        found = third == 2 and 4 <= last <= 6
    elif first == 0x02:
        found = third == 9 and last == 6
    elif first == 0x12:
        found = last == 0x12
    else:
        found = first in (0x09, 0x0A) and 0 < size <= 16
    return YES if found and 4 <= count < 80 else NOT


def is_title(buf: bytearray, at: int, end: int) -> int:
    """YES, NOT or OPEN: whether the system title of an encrypted APDU may be there.

    It begins with a maker's three letters. This identifies an APDU in noise.
    """
    if at < end and buf[at] != 8:
        return NOT
    for i in range(at + 1, min(at + 4, end)):
        if not 65 <= buf[i] <= 90:
            return NOT
    return YES if end - at > 3 else OPEN


def _line(buf: bytearray, at: int, end: int) -> int:
    """Whether an identification's line ends."""
    if buf.find(b"\n", at, min(at + _IDENTIFICATION_MAX, end)) >= 0:
        return YES
    return OPEN if end - at < _IDENTIFICATION_MAX else NOT


def _code(buf: bytearray, at: int, end: int) -> int:
    """Whether text leads to a bracket; binary may hold one, too."""
    for i in range(at + 1, min(at + _CODE_MAX, end)):
        b = buf[i]
        if b == 0x28:
            return YES
        if b > 127 or (b < 32 and b != 10 and b != 13):
            return NOT
    return OPEN if end - at < _CODE_MAX else NOT
