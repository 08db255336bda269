"""Telegrams for the tests, built by the standards from their parts, and what is read of them; on
either interpreter."""

from smartmeter import Reading, Receiver
from smartmeter.checks.crc import x25_by_nibbles
from smartmeter.crypto.aes import ecb
from smartmeter.crypto.gcm import GCM

KEY = bytes(range(16))
AUTH_KEY = bytes(range(0xD0, 0xE0))
TITLE = b"KFM\x10\x00\x00\x00\x01"
CLOCK = bytes((0x07, 0xEA, 11, 22, 7, 21, 10, 5, 0, 0xFF, 0xC4, 0x00))  # Sunday, +01:00
TIME = "2026-11-22T21:10:05+01:00"


def be(number, size):
    return (number & (1 << 8 * size) - 1).to_bytes(size, "big")


def ber(n):
    if n < 0x80:
        return bytes((n,))
    return bytes((0x81, n)) if n < 256 else b"\x82" + be(n, 2)


def obis(text):
    medium, code = text.split(":")
    groups = medium.split("-") + code.split(".")
    return b"\x09\x06" + bytes([int(g) for g in groups]) + b"\xff"


def octets(data):
    return b"\x09" + ber(len(data)) + data


def u16(n):
    return b"\x12" + be(n, 2)


def u32(n):
    return b"\x06" + be(n, 4)


def scaler_unit(scaler, unit):
    return b"\x02\x02\x0f" + be(scaler, 1) + b"\x16" + be(unit, 1)


def structure(*elements):
    return b"\x02" + ber(len(elements)) + b"".join(elements)


def array(*elements):
    return b"\x01" + ber(len(elements)) + b"".join(elements)


def notification(body, clock=CLOCK):
    """A data-notification; clock None sends none."""
    sent = b"\x00" if clock is None else b"\x0c" + clock
    return b"\x0f\x00\x00\x00\x01" + sent + body


def ciphered(plain, counter=1, control=0x21, title=TITLE, key=KEY, auth_key=AUTH_KEY, ber=ber):
    """general-glo-ciphering of an APDU, with a tag if the security control has the bit."""
    head = bytes((control,)) + be(counter, 4)
    iv = title + be(counter, 4)
    gcm = GCM(ecb(key))
    content = gcm.decrypt(iv, plain) if control & 0x20 else plain
    tag = b""
    if control & 0x10:
        aad = bytes((control,)) + auth_key
        tag = tag_of(key, iv, content, aad) if control & 0x20 else tag_of(key, iv, b"", aad + plain)
    content = head + content + tag
    return b"\xdb" + bytes((len(title),)) + title + ber(len(content)) + content


def tag_of(key, iv, content, aad):
    """A 12-byte GCM tag by the book (SP 800-38D, 7.1), bit by bit."""
    encipher = ecb(key)
    h = bytearray(16)
    encipher(h)
    h = int.from_bytes(h, "big")
    y = 0
    lengths = be(len(aad) * 8, 8) + be(len(content) * 8, 8)
    for part in (aad, content, lengths):
        for i in range(0, len(part), 16):
            block = part[i : i + 16]
            y ^= int.from_bytes(block + bytes(16 - len(block)), "big")
            z = 0
            v = h
            for bit in range(127, -1, -1):
                if y >> bit & 1:
                    z ^= v
                v = v >> 1 ^ (0xE1 << 120 if v & 1 else 0)
            y = z
    mask = bytearray(iv + b"\x00\x00\x00\x01")
    encipher(mask)
    return (y ^ int.from_bytes(mask, "big")).to_bytes(16, "big")[:12]


def mbus_frame(data, ci, control=0x53):
    body = bytes((control, 0xFF, ci, 0x01, 0x67)) + data
    size = bytes((len(body) & 0xFF,))
    return b"\x68" + size + size + b"\x68" + body + bytes((sum(body) & 0xFF, 0x16))


def mbus(apdu, most=245):
    """An APDU in as many M-Bus frames as it takes."""
    frames = []
    parts = [apdu[i : i + most] for i in range(0, len(apdu), most)]
    for number, part in enumerate(parts):
        final = 0x10 if number == len(parts) - 1 else 0
        frames.append(mbus_frame(part, number | final))
    return b"".join(frames)


def fcs(data):
    crc = x25_by_nibbles(data, 0, len(data))
    return bytes((crc & 0xFF, crc >> 8))


def hdlc_frame(info, segmented=False, address=b"\xce\xff\x03", control=0x13):
    size = 2 + len(address) + 1 + 2 + len(info) + 2
    head = be(0xA000 | (0x0800 if segmented else 0) | size, 2) + address + bytes((control,))
    head += fcs(head)
    return b"\x7e" + head + info + fcs(head + info) + b"\x7e"


def hdlc(apdu, most=1500):
    """An APDU in as many HDLC segments as it takes."""
    info = b"\xe6\xe7\x00" + apdu
    parts = [info[i : i + most] for i in range(0, len(info), most)]
    return b"".join([hdlc_frame(p, n < len(parts) - 1) for n, p in enumerate(parts)])


def blocks(apdu, most=100):
    """An APDU in general-block-transfer blocks, a list."""
    parts = [apdu[i : i + most] for i in range(0, len(apdu), most)]
    out = []
    for number, part in enumerate(parts):
        control = 0xC0 if number == len(parts) - 1 else 0x40
        out.append(
            b"\xe0" + bytes((control,)) + be(number + 1, 2) + bytes(2) + ber(len(part)) + part
        )
    return out


def hdlc_blocks(apdu, most=100):
    return b"".join([hdlc_frame(b"\xe6\xe7\x00" + b) for b in blocks(apdu, most)])


# The list of a Kaifa MA309 as protocols describe it: code, value and scaler_unit in one row.
KAIFA = {
    "1.7.0": (133, 0),
    "2.7.0": (0, 0),
    "1.8.0": (1136784, 0),
    "2.8.0": (0, 0),
    "3.8.0": (3837, 0),
    "4.8.0": (717736, 0),
    "31.7.0": (99, -2),
    "32.7.0": (2294, -1),
    "51.7.0": (42, -2),
    "52.7.0": (2288, -1),
    "71.7.0": (17, -2),
    "72.7.0": (2302, -1),
}


def kaifa_body(clock=CLOCK, values=KAIFA):
    unit = {"7": 27, "8": 30}
    elements = [
        obis("0-0:1.0.0"),
        octets(clock),
        obis("0-0:96.1.0"),
        octets(b"1KFM0200000001"),
        obis("0-0:42.0.0"),
        octets(b"KFM1200200000001"),
    ]
    for code in sorted(values):
        mantissa, exponent = values[code]
        c, d, _ = code.split(".")
        kind = {"31": 33, "51": 33, "71": 33, "32": 35, "52": 35, "72": 35}.get(c) or unit[d]
        if c in "34" and d == "8":
            kind = 32
        number = u32(mantissa) if c in "1234" else u16(mantissa)
        elements += [obis("1-0:" + code), number, scaler_unit(exponent, kind)]
    return structure(*elements)


def kaifa_apdu(clock=CLOCK, values=KAIFA):
    return notification(kaifa_body(clock, values), clock)


def visible(text):
    return b"\x0a" + bytes((len(text),)) + text


def kamstrup(kind=b"6841131BN245101090", volts=232):
    """Kamstrup's list: one row of codes and values without scalers; kind is the meter's type."""
    return structure(
        visible(b"Kamstrup_V0001"),
        obis("1-1:0.0.5"),
        visible(b"5706567000000001"),
        obis("1-1:96.1.1"),
        visible(kind),
        obis("1-1:1.7.0"),
        u32(826),
        obis("1-1:2.7.0"),
        u32(0),
        obis("1-1:31.7.0"),
        u32(237),
        b"\x00",
        b"\x00",
        b"\x00",
        b"\x00",
        obis("1-1:32.7.0"),
        u16(volts),
        b"\x00",
        b"\x00",
        obis("1-1:1.8.0"),
        u32(8582092),
    )


def descriptors(*codes):
    """The elements of a push list's own description, itself first (Blue Book 4.4.8)."""
    head = structure(u16(40), obis("0-8:25.9.0"), b"\x0f\x02", u16(0))
    return [head] + [structure(u16(3), obis(c), b"\x0f\x02", u16(0)) for c in codes]


def only(body, clock=CLOCK, receiver=None):
    """The one event of a list, plain in HDLC."""
    found = (receiver or Receiver()).feed(hdlc(notification(body, clock)))
    assert len(found) == 1, found
    return found[0]


def reading(body, clock=CLOCK, receiver=None):
    found = only(body, clock, receiver)
    assert isinstance(found, Reading), found
    return found
