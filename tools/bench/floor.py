"""The native floor: the least time that pure Python with C underneath needs for each format.

Written by hand for one format each, with every check of the format (sums, lengths, tag) and
nothing else. It has no resynchronisation, no format detection, no replay rule, no units, no time
and no plausibility check. Of a list without codes it returns the numbers in their order. A
decoder for users may take at most twice as long. From bytes to {OBIS text: (mantissa, exponent)}.

How it is fast: CRC-16/X-25 by the C function for the unreflected polynomial over bit-reversed
bytes; CRC-16/ARC by folding one big number; AES-GCM by `cryptography`; one flat loop over A-XDR
and over SML without recursion or objects; P1 split into lines at once; OBIS texts from a dict.
"""

from binascii import crc_hqx
from collections.abc import Callable

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from .telegrams import Telegrams

Numbers = dict[str, tuple[int, int | None]]

_REVERSED = bytes(int(f"{n:08b}"[::-1], 2) for n in range(256))
_SWAPPED = [_REVERSED[n >> 8] | _REVERSED[n & 0xFF] << 8 for n in range(65536)]


def x25(data: bytes) -> int:
    return _SWAPPED[crc_hqx(data.translate(_REVERSED), 0xFFFF)] ^ 0xFFFF


def arc(data: bytes) -> int:
    """x^16+x^15+x^2+1 = (x+1)(x^15+x+1): fold modulo the second, parity modulo the first."""
    n = int.from_bytes(data.translate(_REVERSED), "big") << 16
    parity = n.bit_count() & 1
    shift = 1 << (len(data) * 8 // 15).bit_length()
    while shift:
        high = n >> 15 * shift
        if high:
            n = n & (1 << 15 * shift) - 1 ^ high ^ high << shift
        else:
            shift >>= 1
    if n.bit_count() & 1 != parity:
        n ^= 0x8003
    return _SWAPPED[n]


class _Names(dict[bytes, str]):
    """OBIS octets to text, made once each."""

    def __missing__(self, code: bytes) -> str:
        text = self[code] = f"{code[0]}-{code[1]}:{code[2]}.{code[3]}.{code[4]}"
        return text


_NAMES = _Names()


def reader(telegrams: Telegrams) -> Callable[[bytes], object] | None:
    """The floor's decoder for such telegrams, or None if there is none."""
    if telegrams.link == "sml":
        return sml
    if telegrams.family == "p1":
        return _ciphered(p1, telegrams) if telegrams.ciphered else p1
    if telegrams.link == "tic":
        return tic
    if telegrams.link == "mbus-poll":
        return records
    if telegrams.link == "kmp":
        return kmp
    payload = {"mbus": mbus, "hdlc": hdlc, "gbt": blocks, "apdu": bytes, "wrapper": wrapper}.get(
        telegrams.link
    )
    if payload is None:
        return None
    if not telegrams.ciphered:
        return lambda wire: numbers(payload(wire))
    return _ciphered(lambda wire: numbers(wire), telegrams, payload)


def _ciphered(
    inner: Callable[[bytes], object],
    telegrams: Telegrams,
    payload: Callable[[bytes], bytes] = bytes,
) -> Callable[[bytes], object]:
    aes = algorithms.AES(telegrams.key or b"")
    auth_key = telegrams.auth_key or b""
    tagged = telegrams.tagged
    gcm, ctr = modes.GCM, modes.CTR

    def read(wire: bytes) -> object:
        apdu = payload(wire)
        if apdu[0] not in (0xDB, 0xDF) or apdu[1] != 8:
            raise ValueError
        at = 11
        size = apdu[10]
        if size & 0x80:
            at += size & 0x7F
            size = int.from_bytes(apdu[11:at], "big")
        if at + size != len(apdu):
            raise ValueError
        control = apdu[at : at + 1]
        iv = apdu[2:10] + apdu[at + 1 : at + 5]
        if tagged:
            if not control[0] & 0x10:
                raise ValueError
            opened = Cipher(aes, gcm(iv, apdu[-12:], 12)).decryptor()
            opened.authenticate_additional_data(control + auth_key)
            plain = opened.update(apdu[at + 5 : -12])
            opened.finalize()
        else:
            stop = -12 if control[0] & 0x10 else len(apdu)
            opened = Cipher(aes, ctr(iv + b"\0\0\0\2")).decryptor()
            plain = opened.update(apdu[at + 5 : stop])
        return inner(plain)

    return read


def mbus(wire: bytes) -> bytes:
    apdu = b""
    at = number = 0
    end = len(wire)
    while at < end:
        size = wire[at + 1]
        stop = at + 4 + size
        if size < 3 and wire[stop : stop + 2] != bytes((sum(wire[at + 4 : stop]) & 0xFF, 0x16)):
            stop += 256
        if (
            wire[at] != 0x68
            or wire[at + 2] != size
            or wire[at + 3] != 0x68
            or wire[stop + 1] != 0x16
            or sum(wire[at + 4 : stop]) & 0xFF != wire[stop]
            or wire[at + 6] & 0x0F != number
        ):
            raise ValueError
        apdu += wire[at + 9 : stop]
        number += 1
        last = wire[at + 6] & 0x10
        at = stop + 2
    if not last:
        raise ValueError
    return apdu


# Bytes of data by the coding in DIF.
_SIZES = (0, 1, 2, 3, 4, 4, 6, 8, 0, 1, 2, 3, 4, 0, 6, 0)
_PHASES = {b"\xfd\xc8\xfc": (12, -1), b"\xfd\xd9\xfc": (11, -3), b"\xab\xfc": (1, 0)}
_SBC = {b"\xfd\xc9\xff": (12, 0), b"\xfd\xdb\xff": (11, -1), b"\xac\xff": (16, 1)}
# What the records of our virtual meters mean, by DIF and VIF with their extensions.
_RECORDS = {
    b"\x04\x03": ("1.8.0", 0),
    b"\x04\x83\x3c": ("2.8.0", 0),
    b"\x04\x2b": ("1.7.0", 0),
    b"\x04\xab\x3c": ("2.7.0", 0),
    b"\x02\xfb\x2d": ("14.7.0", -2),
    b"\x8c\x10\x04": ("1.8.1", 1),
    b"\x8c\x20\x04": ("1.8.2", 1),
    b"\x02\xac\xff\x00": ("16.7.0", 1),
    b"\x04\x0e": ("6-0:1.0.0", 6),
    b"\x04\x14": ("6-0:2.0.0", -2),
    b"\x02\x2d": ("6-0:8.0.0", 2),
    b"\x02\x59": ("6-0:10.0.0", -2),
    b"\x02\x5d": ("6-0:11.0.0", -2),
    b"\x02\x61": ("6-0:12.0.0", -2),
    b"\x0c\x13": ("8-0:1.0.0", -3),
    **{
        bytes((4 if vif[0] == 0xAB or vif[1] == 0xD9 else 2,)) + vif + bytes((n,)): (
            f"{c + 20 * n}.7.0",
            exponent,
        )
        for table in (_PHASES, _SBC)
        for vif, (c, exponent) in table.items()
        for n in (1, 2, 3)
    },
}
_FLOWS = {0x04: ("6-0:9.0.0", -3), 0x07: ("8-0:2.0.0", -3)}  # by the meter's type


def records(wire: bytes) -> Numbers:
    size = wire[1]
    if (
        wire[0] != 0x68
        or wire[2] != size
        or wire[3] != 0x68
        or len(wire) != size + 6
        or wire[-1] != 0x16
        or sum(wire[4:-2]) & 0xFF != wire[-2]
        or wire[6] != 0x72
    ):
        raise ValueError
    found: Numbers = {}
    at = 19
    end = len(wire) - 2
    whole = int.from_bytes
    while at < end:
        begin = at
        dif = wire[at]
        for _ in range(2):  # the extensions of DIF, and of VIF
            while wire[at] & 0x80:
                at += 1
            at += 1
        stop = at + _SIZES[dif & 15]
        if stop > end:
            raise ValueError
        head = wire[begin:at]
        meant = _FLOWS[wire[14]] if head == b"\x02\x3b" else _RECORDS.get(head)
        if meant:
            if dif & 8:
                found[meant[0]] = (int(wire[at:stop][::-1].hex()), meant[1])
            else:
                found[meant[0]] = (whole(wire[at:stop], "little", signed=True), meant[1])
        at = stop
    return found


_REGISTERS = {
    60: ("6-0:1.0.0", 9),
    68: ("6-0:2.0.0", 0),
    80: ("6-0:8.0.0", 3),
    74: ("6-0:9.0.0", -3),
    86: ("6-0:10.0.0", 0),
    87: ("6-0:11.0.0", 0),
    89: ("6-0:12.0.0", 0),
}
_ESCAPED = tuple((bytes((0x1B, n ^ 0xFF)), bytes((n,))) for n in (0x06, 0x0D, 0x40, 0x80, 0x1B))


def kmp(wire: bytes) -> Numbers:
    if wire[0] != 0x40 or wire[-1] != 0x0D:
        raise ValueError
    data = wire[1:-1]
    if 0x1B in data:
        for escaped, plain in _ESCAPED:
            data = data.replace(escaped, plain)
    if crc_hqx(data, 0) or data[:2] != b"\x3f\x10":
        raise ValueError
    found: Numbers = {}
    at = 2
    end = len(data) - 2
    while at < end:
        stop = at + 5 + data[at + 3]
        if stop > end:
            raise ValueError
        meant = _REGISTERS.get(data[at] << 8 | data[at + 1])
        if meant:
            scale = data[at + 4]
            value = int.from_bytes(data[at + 5 : stop], "big")
            exponent = -(scale & 0x3F) if scale & 0x40 else scale & 0x3F
            found[meant[0]] = (-value if scale & 0x80 else value, exponent + meant[1])
        at = stop
    return found


def wrapper(wire: bytes) -> bytes:
    if wire[:2] != b"\0\1" or int.from_bytes(wire[6:8], "big") != len(wire) - 8:
        raise ValueError
    return wire[8:]


def hdlc(wire: bytes) -> bytes:
    info = b""
    for part in _frames(wire):
        info += part
    if info[:3] != b"\xe6\xe7\x00":
        raise ValueError
    return info[3:]


def _frames(wire: bytes) -> list[bytes]:
    parts = []
    at = wire.index(0x7E)
    end = len(wire)
    while at + 2 < end:
        if wire[at + 1] == 0x7E:
            at += 1
        size = (wire[at + 1] & 7) << 8 | wire[at + 2]
        stop = at + 1 + size
        head = at + 3
        while not wire[head] & 1:
            head += 1
        head += 1
        while not wire[head] & 1:
            head += 1
        head += 2
        if (
            wire[stop] != 0x7E
            or x25(wire[at + 1 : head]) != wire[head] | wire[head + 1] << 8
            or x25(wire[at + 1 : stop - 2]) != wire[stop - 2] | wire[stop - 1] << 8
        ):
            raise ValueError
        parts.append(wire[head + 2 : stop - 2])
        at = stop
    return parts


def blocks(wire: bytes) -> bytes:
    apdu = b""
    for number, part in enumerate(_frames(wire), 1):
        if part[:3] == b"\xe6\xe7\x00":
            part = part[3:]
        at = 7
        size = part[6]
        if size & 0x80:
            at += size & 0x7F
            size = int.from_bytes(part[7:at], "big")
        if part[0] != 0xE0 or part[2] << 8 | part[3] != number or at + size != len(part):
            raise ValueError
        apdu += part[at:]
    if not part[1] & 0x80:
        raise ValueError
    return apdu


def numbers(plain: bytes) -> Numbers | list[object]:
    """The values of a data-notification, or of a list alone; in their order if it has no codes."""
    at = 0
    if plain[0] == 0x0F:
        kind = plain[5]
        at = 6 if kind == 0 else 19 if kind == 0x09 else 18
    items = _axdr(plain, at)
    if type(items[0]) is int and len(items) > 1 and type(items[1]) is bytes:
        return _descriptors(items)
    found: Numbers = {}
    at = 0
    end = len(items)
    names = _NAMES
    while at + 1 < end:
        code = items[at]
        value = items[at + 1]
        at += 1
        if type(code) is bytes and len(code) == 6 and type(value) is int:
            at += 1
            scale = None
            if at < end and type(items[at]) is tuple:
                scale = items[at][0]  # type: ignore[index]
                at += 1
            found[names[code]] = (value, scale)
    return found or items


def _descriptors(items: list[object]) -> Numbers:
    count = 0
    size = len(items)
    while 4 * count + 4 <= size and type(items[4 * count + 1]) is bytes:
        count += 1
        if size - 4 * count <= count and type(items[4 * count]) is not int:
            break
    values = items[4 * count :]
    skipped = count - len(values)
    return {
        _NAMES[items[4 * (n + skipped) + 1]]: (value, None)  # type: ignore[index,misc]
        for n, value in enumerate(values)
        if type(value) is int
    }


def _axdr(data: bytes, at: int) -> list[object]:
    items: list[object] = []
    add = items.append
    end = len(data)
    whole = int.from_bytes
    left = 1
    while left:
        left -= 1
        tag = data[at]
        if tag == 0x09 or tag == 0x0A:
            stop = at + 2 + data[at + 1]
            if stop > end:
                raise ValueError
            add(data[at + 2 : stop])
            at = stop
        elif tag == 0x02 or tag == 0x01:
            if data[at + 1] == 2 and data[at + 2] == 0x0F and data[at + 4] == 0x16:
                scale = data[at + 3]
                add((scale - 256 if scale & 0x80 else scale, data[at + 5]))
                at += 6
            else:
                left += data[at + 1]
                at += 2
        elif tag == 0x06:
            add(whole(data[at + 1 : at + 5], "big"))
            at += 5
        elif tag == 0x12:
            add(data[at + 1] << 8 | data[at + 2])
            at += 3
        elif tag == 0x11 or tag == 0x16 or tag == 0x03:
            add(data[at + 1])
            at += 2
        elif tag == 0x10:
            value = data[at + 1] << 8 | data[at + 2]
            add(value - 0x10000 if value & 0x8000 else value)
            at += 3
        elif tag == 0x0F:
            add(data[at + 1] - (data[at + 1] << 1 & 0x100))
            at += 2
        elif tag == 0x00:
            add(None)
            at += 1
        elif tag == 0x05 or tag == 0x14:
            size = 5 if tag == 0x05 else 9
            add(whole(data[at + 1 : at + size], "big", signed=True))
            at += size
        elif tag == 0x15:
            add(whole(data[at + 1 : at + 9], "big"))
            at += 9
        elif tag == 0x19:
            add(data[at + 1 : at + 13])
            at += 13
        else:
            raise ValueError
    if at != end:
        raise ValueError
    return items


_SML_START = b"\x1b\x1b\x1b\x1b\x01\x01\x01\x01"
_SML_END = b"\x1b\x1b\x1b\x1b\x1a"


def sml(wire: bytes) -> Numbers:
    stop = len(wire) - 8
    if (
        wire[:8] != _SML_START
        or wire[stop : stop + 5] != _SML_END
        or x25(wire[:-2]) != wire[-2] | wire[-1] << 8
    ):
        raise ValueError
    data = wire[8:stop]
    if b"\x1b\x1b\x1b\x1b" in data:
        data = data.replace(b"\x1b\x1b\x1b\x1b\x1b\x1b\x1b\x1b", b"\x1b\x1b\x1b\x1b")
    found: Numbers = {}
    names = _NAMES
    whole = int.from_bytes
    at = 0
    end = len(data)
    while at < end:
        kind = data[at]
        if kind == 0x77 and data[at + 1] == 0x07:  # an entry: code, status, time, unit, scaler ...
            name = names[data[at + 2 : at + 8]]
            at += 8
            at += data[at] & 0x0F  # status
            if data[at] == 0x72:  # time: a choice of second index or time stamp
                at += 1
                at += data[at] & 0x0F
            at += data[at] & 0x0F
            at += data[at] & 0x0F  # unit
            scale = 0
            if data[at] == 0x52:
                scale = data[at + 1] - (data[at + 1] << 1 & 0x100)
            at += data[at] & 0x0F
            kind = data[at]
            if kind & 0x80:
                continue
            stop = at + (kind & 0x0F)
            if stop > end:
                raise ValueError
            if kind & 0x70 == 0x50:
                found[name] = (whole(data[at + 1 : stop], "big", signed=True), scale)
            elif kind & 0x70 == 0x60:
                found[name] = (whole(data[at + 1 : stop], "big"), scale)
            at = stop
        elif kind & 0x80:
            size = (kind & 0x0F) << 4 | data[at + 1] & 0x0F
            at += 2 if kind & 0x70 == 0x70 else size
        elif kind & 0x70 == 0x70 or not kind:
            at += 1
        else:
            at += kind & 0x0F or 1
    if at != end:
        raise ValueError
    return found


_LABELS = {
    **{b"EASF%02d" % n: f"1.8.{n}" for n in range(1, 11)},
    **{b"ERQ%d" % n: f"{n + 4}.8.0" for n in range(1, 5)},
    **{
        b"%s%d" % (what, n): f"{11 + 20 * n}.7.0" for what in (b"IINST", b"IRMS") for n in (1, 2, 3)
    },
    **{b"URMS%d" % n: f"{12 + 20 * n}.7.0" for n in (1, 2, 3)},
    **{b"SINSTS%d" % n: f"{9 + 20 * n}.7.0" for n in (1, 2, 3)},
    b"EAST": "1.8.0",
    b"EAIT": "2.8.0",
    b"HCHC": "1.8.1",
    b"HCHP": "1.8.2",
    b"BBRHCJB": "1.8.1",
    b"BBRHPJB": "1.8.2",
    b"BBRHCJW": "1.8.3",
    b"BBRHPJW": "1.8.4",
    b"BBRHCJR": "1.8.5",
    b"BBRHPJR": "1.8.6",
    b"PAPP": "9.7.0",
    b"SINSTS": "9.7.0",
    b"SINSTI": "10.7.0",
    b"CCASN": "1.5.0",
    b"CCAIN": "2.5.0",
    b"IINST": "31.7.0",
}


def tic(wire: bytes) -> Numbers:
    found: Numbers = {}
    if wire[:2] != b"\x02\n" or wire[-2:] != b"\r\x03":
        raise ValueError
    for group in wire[2:-2].split(b"\r\n"):
        separator = group[-2:-1]
        total = sum(group) - group[-1]
        if separator == b" ":
            total -= 0x20
        if (total & 0x3F) + 0x20 != group[-1]:
            raise ValueError
        parts = group[:-2].split(separator)
        name = _LABELS.get(parts[0])
        if name:
            found[name] = (int(parts[-1]), 0)
    return found


def p1(wire: bytes) -> Numbers:
    stop = wire.rindex(b"!")
    told = wire[stop + 1 : stop + 5]
    if told.strip() and int(told, 16) != arc(wire[: stop + 1]):
        raise ValueError
    found: Numbers = {}
    for line in wire[:stop].decode("ascii").split("\r\n"):
        at = line.find("(")
        if at < 0 or line[-1] != ")":
            continue
        begin = line.rfind("(") + 1
        value, star, _ = line[begin:-1].partition("*")
        if star:
            whole, _, fraction = value.partition(".")
            found[line[:at]] = (int(whole + fraction), -len(fraction))
    return found
