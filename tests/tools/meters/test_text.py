"""P1 and IEC 62056-21: the text the meters send, its checksums, and what is encrypted of it."""

import re
from datetime import UTC, datetime

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from tools.meters import forms
from tools.meters.household import Household
from tools.meters.iec62056 import IecForm
from tools.meters.p1 import P1Form

WINTER = datetime(2026, 11, 22, 21, 10, 5, tzinfo=UTC)
NOON = datetime(2026, 7, 15, 11, 0, tzinfo=UTC)
HOUSES = {"consumer": Household(4), "feeding in": Household(3, pv=True)}
P1 = [name for name, form in forms.FORMS.items() if isinstance(form, P1Form)]
PLAIN = [name for name in P1 if not forms.FORMS[name].wrap]
IEC = [name for name, form in forms.FORMS.items() if isinstance(form, IecForm)]

ONE_SET = re.compile(r"(?:1-0:)?(\d+\.\d+(?:\.\d+)?)(?:\*255)?\((-?[\d.,]+)(?:\*(\w+))?\)")
OF_HEAT = {"GJ": "e9", "m3": "", "h": ""}
IN_THOUSANDS = {"kW", "kWh", "kvar", "kvarh", "kVAr", "kVArh", "kVA"}


def numbers(text):
    """{"C.D.E": number in base units} of data lines; those of heat meters with 6-0."""
    values = {}
    for code, number, unit in ONE_SET.findall(text):
        key = code if code.count(".") == 2 else code + ".0"
        thousand = "e3" if unit in IN_THOUSANDS else OF_HEAT.get(unit, "")
        key = f"6-0:{key}" if unit in OF_HEAT and "24.2." not in code else key
        values[key] = float(number.replace(",", ".") + thousand)
    return values


def crc_arc(data):
    """CRC-16/ARC a bit at a time."""
    register = 0
    for byte in data:
        register ^= byte
        for _ in range(8):
            register = register >> 1 ^ (0xA001 if register & 1 else 0)
    return register


def check_text(text, truth):
    read = numbers(text)
    assert truth["values"]
    assert {key: read.get(key) for key in truth["values"]} == truth["values"]


@pytest.mark.parametrize("now", [WINTER, NOON], ids=["winter", "summer"])
@pytest.mark.parametrize("house", HOUSES)
@pytest.mark.parametrize("name", PLAIN)
def test_p1_says_what_was_put_in(name, house, now):
    wire, truth = forms.make(name, HOUSES[house]).telegram(now)
    text = wire.decode("ascii")
    assert re.match(r"/[A-Za-z]{3}\d\S* ?\S*\r\n\r\n", text)
    check_text(text, truth)
    body, end = text.rsplit("!", 1)
    if forms.FORMS[name].checksum == "none":
        assert end == "\r\n"
    else:
        assert end == f"{crc_arc((body + '!').encode()):04X}\r\n"


def test_p1_marks_summer_and_winter():
    meter = forms.make("dsmr-5", HOUSES["consumer"])
    wire, truth = meter.telegram(WINTER)
    assert b"0-0:1.0.0(261122221005W)" in wire
    assert truth["time"] == "2026-11-22T22:10:05+01:00"
    wire, truth = meter.telegram(NOON)
    assert b"0-0:1.0.0(260715130000S)" in wire
    assert truth["time"] == "2026-07-15T13:00:00+02:00"


def test_the_swedish_port_keeps_standard_time():
    wire, truth = forms.make("p1-sweden", HOUSES["consumer"]).telegram(NOON)
    assert b"0-0:1.0.0(260715120000W)" in wire
    assert truth["time"] == "2026-07-15T12:00:00+01:00"


def test_variants_of_the_crc_and_the_line_ends():
    def send(**options):
        return forms.make("dsmr-5", HOUSES["consumer"], **options).telegram(WINTER)[0]

    upper = send()
    value = crc_arc(upper[: upper.rindex(b"!") + 1])
    assert upper.endswith(b"!%04X\r\n" % value)
    assert send(checksum="lower").endswith(b"!%04x\r\n" % value)
    assert send(checksum="unpadded").endswith(b"!%X\r\n" % value)
    assert send(checksum="none").endswith(b"!\r\n")
    assert send(crlf=False) == upper.replace(b"\r\n", b"\n")
    assert send(noise=b"\x00\x7f") == b"\x00\x7f" + upper


def test_seven_data_bits_as_eight_hear_them():
    plain = forms.make("dsmr-2.2", HOUSES["consumer"]).telegram(WINTER)[0]
    heard = forms.make("dsmr-2.2", HOUSES["consumer"], parity_bits=True).telegram(WINTER)[0]
    assert max(plain) < 0x80
    assert bytes(byte & 0x7F for byte in heard) == plain
    assert all(f"{byte:b}".count("1") % 2 == 0 for byte in heard)


def unseal(meter, title, control, counter, sealed):
    """What the encrypted text says; InvalidTag where its tag is wrong (RFC 5116 with AAD)."""
    mode = modes.GCM(title + counter, sealed[-12:], min_tag_length=12)
    decryptor = Cipher(algorithms.AES(meter.key), mode).decryptor()
    decryptor.authenticate_additional_data(control + meter.auth_key)
    return decryptor.update(sealed[:-12]) + decryptor.finalize()


@pytest.mark.parametrize("name", ["p1-luxembourg", "p1-steiermark"])
def test_the_whole_text_is_ciphered(name):
    meter = forms.make(name, HOUSES["feeding in"])
    wire, truth = meter.telegram(NOON)
    assert wire[:2] == b"\xdb\x08"
    assert wire[10] == 0x82
    assert int.from_bytes(wire[11:13], "big") == len(wire) - 13
    assert wire[13:14] == b"\x30"
    assert int.from_bytes(wire[14:18], "big") == truth["seq"]
    text = unseal(meter, wire[2:10], wire[13:14], wire[14:18], wire[18:]).decode("ascii")
    check_text(text, truth)
    body, end = text.rsplit("!", 1)
    assert end == f"{crc_arc((body + '!').encode()):04X}\r\n"
    with pytest.raises(InvalidTag):
        unseal(meter, wire[2:10], wire[13:14], wire[14:18], wire[18:-1] + b"\x00\x00")


@pytest.mark.parametrize("trailer", [True, False])
def test_the_polish_form_ciphers_the_lines_alone(trailer):
    meter = forms.make("p1-poland", HOUSES["consumer"], trailer=trailer)
    wire, truth = meter.telegram(WINTER)
    head = b"/EGM5G15\r\n\r\n"
    assert wire.startswith(head + b"\x00\x82")
    size = int.from_bytes(wire[len(head) + 2 : len(head) + 4], "big")
    block = wire[len(head) + 4 : len(head) + 4 + size]
    end = wire[len(head) + 4 + size :]
    assert block[:5] == b"\x30\0\0\0\0"
    lines = unseal(meter, bytes(8), block[:1], block[1:5], block[5:])
    check_text(lines.decode("ascii"), truth)
    if trailer:
        assert end == b"!%04X\r\n" % crc_arc(head + lines + b"!")
    else:
        assert end == b""
        assert lines.rsplit(b"!", 1)[1] == b"%04X\r\n" % crc_arc(
            head + lines[: lines.rindex(b"!") + 1]
        )


@pytest.mark.parametrize("house", HOUSES)
@pytest.mark.parametrize("name", IEC)
def test_iec_62056_21_says_what_was_put_in(name, house):
    wire, truth = forms.make(name, HOUSES[house]).telegram(WINTER)
    if name == "iec-push":
        assert wire.startswith(b"/ESY5Q3DA1004 V3.04\r\n\r\n")
        assert wire.endswith(b"\r\n!\r\n")
        check_text(wire.decode("ascii"), truth)
        return
    assert wire[:1] == b"\x02"
    assert wire[-2:-1] == b"\x03"
    check = 0
    for byte in wire[1:-1]:
        check ^= byte
    assert wire[-1] == check
    text = wire[1:-2].decode("ascii")
    assert text.endswith("!\r\n")
    check_text(text, truth)


def test_the_readout_of_mode_a_is_an_odd_one():
    wire, _ = forms.make("iec-mode-a", HOUSES["consumer"]).telegram(WINTER)
    lines = wire[1:-2].decode("ascii").split("\r\n")
    assert [line.count("(") for line in lines[:-1]] == [3, 3, 1]
    assert lines[2].endswith("!")
    assert "," in lines[0]
