"""The links carry the APDU they were given, by the rules of their standards."""

from datetime import UTC, datetime

import pytest

from tools.meters import forms
from tools.meters.household import Household

NOW = datetime(2026, 11, 22, 21, 10, 5, tzinfo=UTC)


def pair(name, **options):
    """The telegram of a form, and the same APDU without its link layer."""
    house = Household(3, pv=True)
    wire = forms.make(name, house, counter=7, **options).telegram(NOW)[0]
    bare = forms.make(name, house, counter=7, link="apdu").telegram(NOW)[0]
    return wire, bare


def mbus_frames(wire, overflow=0):
    """(CI, data) of each frame; overflow: what a length field may have lost (EN 13757-2, 5.1)."""
    at, frames = 0, []
    while at < len(wire):
        size = wire[at + 1]
        if overflow and wire[at + 5 + size : at + 6 + size] != b"\x16":
            size += overflow
        assert wire[at] == wire[at + 3] == 0x68
        assert wire[at + 1] == wire[at + 2]
        content = wire[at + 4 : at + 4 + size]
        assert wire[at + 4 + size] == sum(content) % 256
        assert wire[at + 5 + size] == 0x16
        assert content[:2] == b"\x53\xff"
        assert content[3:5] == b"\x01\x67"
        frames.append((content[2], content[5:]))
        at += size + 6
    return frames


@pytest.mark.parametrize("name", ["kaifa-ma309", "kaifa-ma110", "kaifa-noe", "sagemcom-t210"])
@pytest.mark.parametrize("data_bytes", [30, 120, 245])
def test_mbus_segments_count_up_and_the_last_says_so(name, data_bytes):
    wire, apdu = pair(name, data_bytes=data_bytes)
    frames = mbus_frames(wire)
    assert b"".join(data for _, data in frames) == apdu
    last = len(frames) - 1
    assert [ci for ci, _ in frames] == [*range(last), 0x10 | last]


def test_the_telegram_of_the_kaifa_ma309_has_its_meters_lengths():
    wire, _ = pair("kaifa-ma309")
    assert [len(data) for _, data in mbus_frames(wire)] == [245, 109]
    assert len(wire) == 376


def test_the_telegrams_of_netz_noe_have_their_meters_lengths():
    assert len(pair("kaifa-noe")[0]) == 282
    old, apdu = pair("sagemcom-t210-old")
    assert old[1:3] == b"\x01\x01"  # 257
    frames = mbus_frames(old, overflow=256)
    assert b"".join(data for _, data in frames) == apdu
    assert [ci for ci, _ in frames] == [0x00, 0x11]


def fcs16(data):
    """FCS-16 as RFC 1662, C.2 describes it, a bit at a time."""
    register = 0xFFFF
    for byte in data:
        for bit in range(8):
            odd = (register ^ byte >> bit) & 1
            register = register >> 1 ^ (0x8408 if odd else 0)
    return (register ^ 0xFFFF).to_bytes(2, "little")


def hdlc_frames(wire, addresses):
    """(segmented, control, information) of each frame; addresses: bytes of both together."""
    at, frames = 0, []
    while at < len(wire) - 1:
        assert wire[at] == 0x7E
        kind = int.from_bytes(wire[at + 1 : at + 3], "big")
        size = kind & 0x7FF
        frame = wire[at + 1 : at + 1 + size]
        assert kind >> 12 == 0xA
        head = 2 + addresses + 1
        assert frame[head : head + 2] == fcs16(frame[:head])
        assert frame[-2:] == fcs16(frame[:-2])
        frames.append((bool(kind & 0x800), frame[head - 1], frame[head + 2 : -2]))
        at += size + 1
        assert wire[at] == 0x7E
        at += wire[at + 1 : at + 2] == b"\x7e"
    return frames


@pytest.mark.parametrize("shared_flags", [False, True])
@pytest.mark.parametrize("info_bytes", [50, 154])
def test_hdlc_segments(info_bytes, shared_flags):
    wire, apdu = pair("iskra-am550-ch", info_bytes=info_bytes, shared_flags=shared_flags)
    frames = hdlc_frames(wire, 3)
    assert b"".join(info for _, _, info in frames) == b"\xe6\xe7\x00" + apdu
    assert [more for more, _, _ in frames] == [True] * (len(frames) - 1) + [False]
    assert {control for more, control, _ in frames if more} == {0x03}
    assert frames[-1][1] == 0x13


def test_segments_of_the_am550_are_as_long_as_the_meters():
    wire, _ = pair("iskra-am550-ch")
    assert [len(info) for _, _, info in hdlc_frames(wire, 3)][:-1] == [154] * 4
    assert len(wire) == 751


@pytest.mark.parametrize("sizes", [(40,), (119, 122)])
def test_blocks_count_up_and_the_last_says_so(sizes):
    wire, apdu = pair("landis-gyr-e450", block_bytes=sizes)
    blocks = [info for _, _, info in hdlc_frames(wire, 3)]
    assert blocks[0][:3] == b"\xe6\xe7\x00"
    blocks[0] = blocks[0][3:]
    last = len(blocks) - 1
    for number, block in enumerate(blocks):
        assert block[:2] == (b"\xe0\xc0" if number == last else b"\xe0\x40")
        assert int.from_bytes(block[2:4], "big") == number + 1
        assert block[4:6] == b"\0\0"
        assert block[6] == len(block) - 7
    assert b"".join(block[7:] for block in blocks) == apdu


def test_a_short_frame_may_go_before():
    wake_up = bytes.fromhex("1040014116")
    wire, apdu = pair("landis-gyr-e450-burgenland", wake_up=wake_up)
    assert wire.startswith(wake_up)
    assert hdlc_frames(wire[5:], 3)[0][2] == b"\xe6\xe7\x00" + apdu


def test_the_czech_list_has_its_codes_untagged():
    meter = forms.make("egd-rs485", Household(3))
    wire, truth = meter.telegram(NOW)
    assert wire[:1] == b"\x0f"
    assert wire[5:10] == bytes.fromhex("0002021601")  # no time; structure of enum 1 and ...
    assert wire[10] == 0x01  # ... an array
    at, read = 12, {}
    for _ in range(wire[11]):
        assert wire[at : at + 2] == b"\x02\x02"
        key = ".".join(str(byte) for byte in wire[at + 6 : at + 9])
        tag = wire[at + 11]
        at += 12
        if tag == 0x06:
            read[key] = int.from_bytes(wire[at : at + 4], "big")
            at += 4
        else:
            assert tag in (0x09, 0x16)
            at += 1 + wire[at] if tag == 0x09 else 1
    assert at == len(wire)
    assert read.pop("17.0.0") == 0
    assert read == truth["values"]
