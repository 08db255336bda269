"""M-Bus frames as they come off a wire: whole, in segments, damaged, glued, mixed."""

from smartmeter import Reading, Receiver
from telegrams import KEY, blocks, ciphered, kaifa_apdu, mbus, mbus_frame


def kinds(data, receiver=None):
    receiver = receiver or Receiver(KEY)
    found = receiver.feed(data) + receiver.flush()
    return ["reading" if isinstance(e, Reading) else e.kind for e in found]


def wire(counter=1):
    return mbus(ciphered(kaifa_apdu(), counter))


def test_one_frame_and_several():
    apdu = ciphered(kaifa_apdu())
    assert len(apdu) > 245
    for most in (250, 245, 100, 60):
        assert kinds(mbus(apdu, most)) == ["reading"]


def test_short_frames_and_acknowledgements_are_stepped_over():
    short = b"\x10\x40\x01\x41\x16"
    assert kinds(short + wire(1) + b"\xe5" + short + wire(2) + b"\xe5") == ["reading", "reading"]
    first = wire(1)
    cut = 4 + first[1] + 2
    assert kinds(first[:cut] + short + first[cut:]) == ["reading"]


def test_a_length_that_wrapped_around():
    # old Sagemcom T210-D firmware: 257 bytes under an L of 01
    apdu = ciphered(kaifa_apdu())
    first = mbus_frame(apdu[:252], 0x00)
    assert first[1] == 1
    assert kinds(first + mbus_frame(apdu[252:], 0x11)) == ["reading"]


def test_each_flipped_bit_is_told_and_gives_no_reading():
    data = wire()
    for i in range(len(data)):
        for bit in range(8):
            bad = bytearray(data)
            bad[i] ^= 1 << bit
            found = kinds(bytes(bad))
            if i in (4, 5):  # address and function are under the sum like all else
                assert found == ["checksum", "segment"], (i, bit, found)
            assert found, (i, bit)
            assert "reading" not in found, (i, bit)


def test_each_cut_is_told_and_gives_no_reading():
    data = wire()
    for n in range(1, len(data)):
        found = kinds(data[:n])
        assert found and "reading" not in found, n
        found = kinds(data[n:])
        assert "reading" not in found, n


def test_the_telegram_behind_a_damaged_one_is_read():
    data = wire(1)
    for n in (1, 5, 100, 200, len(data) - 1):
        assert kinds(data[:n] + wire(2))[-1] == "reading", n
        bad = data[:n] + b"\x55" + data[n + 1 :]
        assert kinds(bad + wire(2))[-1] == "reading", n


def test_segments_have_to_be_in_order():
    apdu = ciphered(kaifa_apdu())
    a, b, c = apdu[:100], apdu[100:200], apdu[200:]
    first, second, third = mbus_frame(a, 0), mbus_frame(b, 1), mbus_frame(c, 0x12)
    assert kinds(first + second + third) == ["reading"]
    assert kinds(first + third) == ["segment"]
    assert kinds(second + third) == ["segment", "segment"]
    assert kinds(first + second + second + third) == ["segment", "segment"]
    assert kinds(first + first + second + third) == ["segment", "reading"]
    assert kinds(first + second) == ["segment"]


def test_blocks_within_frames():
    frames = b"".join([mbus_frame(b, 0x10) for b in blocks(ciphered(kaifa_apdu()))])
    assert kinds(frames) == ["reading"]


def test_too_many_segments_are_given_up():
    long = b"".join([mbus_frame(bytes(240), n) for n in range(15)])
    assert "length" in kinds(long)
    assert kinds(long + wire())[-1] == "reading"


def test_an_unknown_application_is_told():
    assert kinds(mbus_frame(bytes(20), 0x40)) == ["length"]
