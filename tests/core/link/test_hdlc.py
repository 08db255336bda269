"""HDLC frames: segments, shared flags, blocks, and every kind of damage."""

from smartmeter import Reading, Receiver
from telegrams import (
    AUTH_KEY,
    KEY,
    be,
    blocks,
    ciphered,
    fcs,
    hdlc,
    hdlc_blocks,
    hdlc_frame,
    kaifa_apdu,
    notification,
    obis,
    structure,
    u32,
)

SHORT = b"\x10\x40\x01\x41\x16"


def kinds(data, auth_key=None):
    receiver = Receiver(KEY, auth_key, unencrypted=True)
    found = receiver.feed(data) + receiver.flush()
    return ["reading" if isinstance(e, Reading) else e.kind for e in found]


def wire(counter=1):
    return hdlc(ciphered(kaifa_apdu(), counter))


def test_whole_and_in_segments():
    for most in (1500, 128, 50):
        assert kinds(hdlc(ciphered(kaifa_apdu()), most)) == ["reading"]
    assert kinds(hdlc(kaifa_apdu())) == ["reading"]


def test_an_llc_in_each_segment_is_tolerated():
    apdu = kaifa_apdu()
    llc = b"\xe6\xe7\x00"
    data = hdlc_frame(llc + apdu[:150], True) + hdlc_frame(llc + apdu[150:])
    found = Receiver().feed(data)
    assert [type(event) for event in found] == [Reading]
    assert found[0].values == Receiver().feed(hdlc(apdu))[0].values


def test_addresses_of_one_to_four_bytes():
    info = b"\xe6\xe7\x00" + kaifa_apdu()
    for address in (b"\x41\x03", b"\xcf\x02\x23", b"\xcf\x00\x02\x00\x23", b"\x02\x02\x02\x03\x05"):
        assert kinds(hdlc_frame(info, address=address, control=0x10)) == ["reading"]


def test_frames_may_share_their_flags():
    assert kinds(wire(1)[:-1] + wire(2)) == ["reading", "reading"]
    assert kinds(b"\x7e\x7e" + wire(1) + b"\x7e\x7e" + wire(2)) == ["reading", "reading"]


def test_flags_within_a_frame_are_data():
    # a counter of 7E bytes, and a length of 7E
    assert kinds(hdlc(ciphered(kaifa_apdu(), 0x7E7E7E7E))) == ["reading"]
    body = structure(obis("1-0:1.7.0"), u32(0x7EA0), obis("1-0:2.7.0"), u32(0x7E7E7E7E))
    info = b"\xe6\xe7\x00" + notification(body)
    assert kinds(hdlc_frame(info)) == ["reading"]


def test_several_telegrams_in_one_frame():
    def apdu(watts):
        return notification(structure(obis("1-0:1.7.0"), u32(watts), obis("1-0:2.7.0"), u32(0)))

    data = hdlc_frame(b"".join([b"\xe6\xe7\x00" + apdu(n) for n in (3, 5, 7)])) + wire()
    for step in (1, len(data)):
        receiver = Receiver(KEY, unencrypted=True)
        found = []
        for i in range(0, len(data), step):
            found += receiver.feed(data[i : i + step])
        assert [e.values["1.7.0"] for e in found[:3]] == [(3, 0), (5, 0), (7, 0)]
        assert len(found) == 4 and found[3].counter == 1
    both = b"".join([b"\xe6\xe7\x00" + ciphered(kaifa_apdu(), n) for n in (1, 2)])
    assert kinds(hdlc_frame(both)) == ["reading", "reading"]
    assert kinds(hdlc_frame(both + b"\xe6\xe7\x00")) == ["reading", "length"]
    bad = bytearray(data)
    bad[60] ^= 1
    assert kinds(bytes(bad)) == ["checksum", "reading"]


def test_a_check_sum_of_zero_is_a_check_sum():
    body = structure(obis("1-0:1.7.0"), b"\x11\x05")
    frame = hdlc_frame(b"\xe6\xe7\x00\x0f" + be(50427, 4) + b"\x00" + body)
    assert frame[-3:-1] == b"\x00\x00"
    assert kinds(frame) == ["reading"]
    bad = bytearray(frame)
    bad[-4] ^= 1
    assert kinds(bytes(bad)) == ["checksum"]


def test_an_m_bus_short_frame_between():
    assert kinds(SHORT + wire(1) + SHORT + wire(2)) == ["reading", "reading"]


def test_frames_without_information_say_nothing():
    head = b"\xa0\x07\x41\x03\x13"
    empty = b"\x7e" + head + fcs(head) + b"\x7e"
    assert kinds(empty + wire()) == ["reading"]


def test_each_flipped_bit_is_told_and_gives_no_reading():
    data = wire()
    for i in range(0, len(data), 1):
        for bit in (0, 3, 7):
            bad = bytearray(data)
            bad[i] ^= 1 << bit
            found = kinds(bytes(bad))
            assert found and "reading" not in found, (i, bit, found)


def test_each_cut_is_told_and_the_next_telegram_read():
    data = wire(1)
    for n in list(range(1, 40)) + list(range(40, len(data) - 1, 13)):
        found = kinds(data[:n])
        assert (found and "reading" not in found) or n == 1, n
        assert kinds(data[:n] + wire(2))[-1] == "reading", n
        assert kinds(data[:n] + b"\x00" * 30 + wire(2))[-1] == "reading", n


def test_one_fault_for_one_damaged_frame():
    bad = bytearray(wire(1))
    bad[100] ^= 0x10
    assert kinds(bytes(bad) + wire(2)) == ["checksum", "reading"]


def test_segments_that_are_not_ended():
    parts = hdlc(ciphered(kaifa_apdu()), 100)
    at = parts.find(b"\x7e\x7e", 50) + 1
    assert kinds(parts[:at]) == ["segment"]
    assert kinds(parts[:at] + wire(2)) == ["segment", "reading"]
    assert "reading" not in kinds(parts[at:])


def test_blocks():
    apdu = ciphered(kaifa_apdu(), 1, 0x30)
    assert kinds(hdlc_blocks(apdu), AUTH_KEY) == ["reading"]
    assert kinds(hdlc_blocks(apdu, 200), AUTH_KEY) == ["reading"]
    one, two, three = blocks(apdu, 100)[:3]
    last = blocks(apdu, 100)[3:]
    frame = lambda b: hdlc_frame(b"\xe6\xe7\x00" + b)  # noqa: E731
    rest = b"".join([frame(b) for b in last])
    # the first block alone, doubled, missing; a transfer given up and begun again
    assert kinds(frame(one)) == ["segment"]
    assert kinds(frame(one) + frame(two) + frame(two) + frame(three) + rest)[0] == "segment"
    assert "reading" not in kinds(frame(one) + frame(three) + rest)
    assert "reading" not in kinds(frame(two) + frame(three) + rest)
    assert kinds(frame(one) + frame(two) + hdlc_blocks(apdu)) == ["segment", "reading"]
    assert kinds(frame(one) + wire(2)) == ["segment", "reading"]
    # without LLC in the later blocks
    bare = frame(one) + b"".join([hdlc_frame(b) for b in blocks(apdu, 100)[1:]])
    assert kinds(bare) == ["reading"]


def test_a_block_whose_length_is_wrong():
    one = bytearray(blocks(ciphered(kaifa_apdu()))[0])
    one[6] ^= 1
    assert kinds(hdlc_frame(b"\xe6\xe7\x00" + bytes(one))) == ["length"]


def test_a_telegram_that_never_ends_is_given_up():
    part = hdlc_frame(bytes(500), True)
    assert "length" in kinds(part * 10)
    assert kinds(part * 10 + hdlc_frame(bytes(10)) + wire())[-1] == "reading"
