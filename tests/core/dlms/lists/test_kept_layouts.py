"""A layout once learned: read as the first telegram was, and held to the last byte."""

from smartmeter import Reading, Receiver
from telegrams import CLOCK, hdlc, kaifa_apdu


def test_the_second_telegram_is_read_as_the_first():
    """A layout is learned from the first; each later one is compared with it."""
    receiver = Receiver()
    first = kaifa_apdu()
    found = receiver.feed(hdlc(first))[0]
    for power, volts in ((4711, 2304), (0, 2290), (1, 1790)):
        values = dict(found.values)
        del values["16.7.0"]
        values["1.7.0"] = (power, 0)
        values["32.7.0"] = (volts, -1)
        clock = CLOCK[:7] + bytes((power % 60,)) + CLOCK[8:]
        apdu = kaifa_apdu(clock, values)
        learned = receiver.feed(hdlc(apdu))[0]
        fresh = Receiver().feed(hdlc(apdu))[0]
        assert learned.values == fresh.values
        assert learned.values["16.7.0"] == (power, 0)
        assert learned.time == fresh.time
        assert (learned.meter, learned.codes, learned.units) == (
            fresh.meter,
            fresh.codes,
            fresh.units,
        )


def test_a_learned_layout_is_held_to_the_last_byte():
    receiver = Receiver()
    apdu = kaifa_apdu()
    receiver.feed(hdlc(apdu))
    for i in range(len(apdu)):
        for bit in (1, 0x80):
            bad = bytearray(apdu)
            bad[i] ^= bit
            learned = receiver.feed(hdlc(bytes(bad)))[0]
            fresh = Receiver().feed(hdlc(bytes(bad)))[0]
            if isinstance(fresh, Reading):
                assert isinstance(learned, Reading), i
                assert (learned.values, learned.time, learned.meter) == (
                    fresh.values,
                    fresh.time,
                    fresh.meter,
                )
            else:
                assert learned.kind == fresh.kind, i


def test_readings_do_not_share_what_they_hold():
    receiver = Receiver()
    one = receiver.feed(hdlc(kaifa_apdu()))[0]
    two = receiver.feed(hdlc(kaifa_apdu()))[0]
    assert one.values is not two.values
