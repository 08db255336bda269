"""The Receiver: any chunking, any noise, any form on the line; bounded, and never an exception."""

import json

from smartmeter import FAULTS, Fault, Reading, Receiver
from smartmeter.checks.crc import arc
from smartmeter.wire.reading_encoder import to_json
from telegrams import AUTH_KEY, KEY, ciphered, hdlc, hdlc_blocks, kaifa_apdu, mbus


def told(events):
    """Events in a form that compares."""
    return [
        (e.time, e.meter, e.counter, e.auth, sorted(e.values.items()))
        if isinstance(e, Reading)
        else (e.kind, e.detail)
        for e in events
    ]


def stream():
    """Telegrams of three kinds of framing with damage and noise between."""
    bad = bytearray(mbus(ciphered(kaifa_apdu(), 2)))
    bad[200] ^= 4
    return (
        b"\x00\xff\x55"
        + mbus(ciphered(kaifa_apdu(), 1, 0x30))
        + bytes(bad)
        + bytes(range(1, 40))
        + hdlc(ciphered(kaifa_apdu(), 3, 0x30), 120)
        + b"\x7e\x7e"
        + hdlc_blocks(ciphered(kaifa_apdu(), 4, 0x30))
        + b"\x68\x68\x68\x7e\xa0\x68"
        + mbus(ciphered(kaifa_apdu(), 5, 0x30))
    )


def run(data, sizes):
    receiver = Receiver(KEY, unencrypted=True)
    events = []
    at = 0
    i = 0
    while at < len(data):
        n = sizes[i % len(sizes)]
        events += receiver.feed(data[at : at + n])
        at += n
        i += 1
    return told(events + receiver.flush())


def test_any_chunking_gives_the_same_events():
    data = stream()
    whole = run(data, [len(data)])
    assert len([e for e in whole if len(e) == 5]) == 4, whole
    for sizes in ([1], [2], [3, 1], [7, 64, 1], [100], [255, 256], [1000]):
        assert run(data, sizes) == whole, sizes


def test_noise_hides_no_telegram():
    state = 7
    telegrams = (
        mbus(ciphered(kaifa_apdu())),
        hdlc(ciphered(kaifa_apdu())),
        hdlc_blocks(ciphered(kaifa_apdu())),
    )
    for telegram in telegrams:
        for size in (1, 10, 100, 500):
            noise = bytearray()
            while len(noise) < size:
                state = (state * 1103515245 + 12345) & 0x7FFFFFFF
                noise.append(state >> 16 & 0xFF)
            receiver = Receiver(KEY)
            data = bytes(noise)
            events = receiver.feed(data + telegram + data) + receiver.flush()
            assert len([e for e in events if isinstance(e, Reading)]) == 1, (size, events)


def test_noise_is_told_once_and_counted():
    receiver = Receiver(KEY)
    events = receiver.feed(b"\x01" * 100 + mbus(ciphered(kaifa_apdu())))
    assert [e.kind for e in events if isinstance(e, Fault)] == ["noise"]
    assert receiver.skipped == 100
    # a glitch of a byte or two is counted, but no news
    events = receiver.feed(b"\x00\x00" + mbus(ciphered(kaifa_apdu(), 2)))
    assert [type(e) for e in events] == [Reading]
    assert receiver.skipped == 102


def test_garbage_is_held_in_bounds_and_told_in_bounds():
    receiver = Receiver(KEY)
    state = 99
    faults = 0
    for _ in range(60):
        piece = bytearray()
        for _ in range(700):
            state = (state * 1103515245 + 12345) & 0x7FFFFFFF
            piece.append(state >> 16 & 0xFF)
        for event in receiver.feed(piece):
            assert event.kind in FAULTS
            faults += 1
        assert len(receiver._buf) <= 4096
    assert 0 < faults < 42000 // 200


def test_what_feed_takes():
    telegram = mbus(ciphered(kaifa_apdu()))
    for data in (telegram, bytearray(telegram), memoryview(telegram)):
        assert isinstance(Receiver(KEY).feed(data)[0], Reading)
    assert Receiver(KEY).feed(b"") == []
    assert Receiver(KEY).flush() == []
    many = b"".join([mbus(ciphered(kaifa_apdu(), n)) for n in range(1, 30)])
    assert len(Receiver(KEY).feed(many)) == 29


def test_a_pause_ends_what_is_unfinished():
    telegram = mbus(ciphered(kaifa_apdu(), 1))
    receiver = Receiver(KEY)
    assert receiver.feed(telegram[:100]) == []
    assert [e.kind for e in receiver.flush()] == ["length"]
    assert receiver.flush() == []
    assert isinstance(receiver.feed(mbus(ciphered(kaifa_apdu(), 2)))[0], Reading)


def test_a_link_that_is_named_is_the_only_one():
    telegram = mbus(ciphered(kaifa_apdu()))
    assert isinstance(Receiver(KEY, link="mbus").feed(telegram)[0], Reading)
    receiver = Receiver(KEY, link="hdlc")
    events = receiver.feed(telegram) + receiver.flush()
    assert not [e for e in events if isinstance(e, Reading)]
    assert events


def test_a_link_or_profile_that_is_not_known_is_refused():
    for arguments in ({"link": "wires"}, {"profile": "wires"}, {"profile": "kaifa volts=1"}):
        try:
            Receiver(**arguments)
        except ValueError as e:
            assert str(e)
        else:
            raise AssertionError(arguments)


def test_bare_apdus():
    plain = kaifa_apdu()
    sealed = ciphered(plain, 1, 0x30)
    for apdu in (plain, sealed, b"\xe6\xe7\x00" + plain, b"\xe6\xe7\x00" + sealed):
        receiver = Receiver(KEY, unencrypted=True)
        events = receiver.feed(apdu) + receiver.flush()
        assert [type(e) for e in events] == [Reading], events
        assert [type(e) for e in Receiver(KEY, link="apdu", unencrypted=True).feed(apdu)] == [
            Reading
        ]
    # one behind the other, in any pieces
    data = ciphered(plain, 1) + ciphered(plain, 2) + plain + ciphered(plain, 3)
    whole = run(data, [len(data)])
    assert len(whole) == 4
    for sizes in ([1], [100, 3]):
        assert run(data, sizes) == whole


def test_a_bare_apdu_ends_with_the_line_or_with_another():
    plain = kaifa_apdu()
    for apdu in (plain, ciphered(plain, 1), ciphered(plain, 1, 0x30)):
        for tail in (b"\xb8\x16\x7e", b"\x3a\x16", b"\x0f", b"\xdb\x16\x7e", b"\x00\x17\x7e"):
            for sizes in ([1], [len(apdu)], [4096]):
                told_of = run(apdu + tail, sizes)
                assert [e[0] for e in told_of] == ["length"], (tail, told_of)
        # a driver that lets go of the line, and what its tag guards
        for tail, receiver in (
            (b"", Receiver(KEY, unencrypted=True)),
            (b"\x00", Receiver(KEY, unencrypted=True)),
            (b"\xff\xff\x00", Receiver(KEY, unencrypted=True)),
            (b"\xb8\x16\x7e", Receiver(KEY, link="apdu", unencrypted=True)),
        ):
            events = receiver.feed(apdu + tail) + receiver.flush()
            assert [type(e) for e in events if isinstance(e, Reading)] == [Reading], tail
    receiver = Receiver(KEY, AUTH_KEY)
    events = receiver.feed(ciphered(plain, 1, 0x30) + b"\xb8\x16\x7e")
    assert [type(e) for e in events] == [Reading]


def test_bare_apdus_are_read_again_after_damage_noise_and_a_pause():
    good = ciphered(kaifa_apdu(), 9)
    start = bytes((0x02,)) + b"0.0(1)(2)(3)(4)(5)" + b"\x03"
    bcc = 0
    for b in start[1:]:
        bcc ^= b
    for bad in (
        ciphered(kaifa_apdu(), 1)[:200],  # cut short
        b"\xe5\x10\x40\xf0\x30\x16\x55\xaa",  # what M-Bus has between its frames
        start + bytes((bcc,)),  # a readout, but nothing to read in it
        bytes(range(256)),
        mbus(b"\xdb" + bytes(60)),  # a sum of 8 bits may agree by chance
    ):
        receiver = Receiver(KEY)
        events = receiver.feed(bad) + receiver.flush()
        assert not [e for e in events if isinstance(e, Reading)]
        events = receiver.feed(good) + receiver.flush()
        assert [type(e) for e in events] == [Reading], (bad, events)


def test_no_bare_apdu_where_framing_was_read():
    good = ciphered(kaifa_apdu(), 9)
    for framed in (mbus(ciphered(kaifa_apdu(), 1)), hdlc(ciphered(kaifa_apdu(), 1))):
        receiver = Receiver(KEY)
        assert [type(e) for e in receiver.feed(framed) + receiver.flush()] == [Reading]
        assert not [e for e in receiver.feed(good) + receiver.flush() if isinstance(e, Reading)]


def test_a_fault_of_a_decoder_carries_the_telegram():
    for key, apdu, kind in (
        (None, ciphered(kaifa_apdu(), 1), "key"),
        (bytes(16), ciphered(kaifa_apdu(), 1), "key"),
        (KEY, ciphered(kaifa_apdu(), 1, 0xA0), "cipher"),
        (None, b"\x0f\x00\x00\x00\x01\x00" + b"\x02\x01\x09\x01\x55", "layout"),
        (KEY, kaifa_apdu(), "unencrypted"),
    ):
        fault = Receiver(key).feed(mbus(apdu))[0]
        assert (fault.kind, fault.payload) == (kind, apdu)
    bad = bytearray(mbus(ciphered(kaifa_apdu(), 1)))
    bad[99] ^= 1
    assert Receiver(KEY).feed(bad)[0].payload is None  # the link's own fault


def test_a_bare_apdu_with_a_tag_is_found_behind_any_noise():
    sealed = ciphered(kaifa_apdu(), 1, 0x30)
    state = 5
    for _ in range(20):
        noise = bytearray()
        for _ in range(400):
            state = (state * 1103515245 + 12345) & 0x7FFFFFFF
            noise.append(state >> 16 & 0xFF)
        receiver = Receiver(KEY, AUTH_KEY)
        events = receiver.feed(bytes(noise) + b"\xe5\x7e\x7e\xa0\x10\x03" + sealed)
        events += receiver.flush()
        assert len([e for e in events if isinstance(e, Reading)]) == 1


def test_no_bare_apdu_is_found_in_a_damaged_frame():
    telegram = hdlc(ciphered(kaifa_apdu(), 1, 0x30))
    for good in (b"", hdlc(ciphered(kaifa_apdu(), 1))):
        for i in range(14):
            bad = bytearray(telegram)
            bad[i] ^= 0x10
            receiver = Receiver(KEY)
            events = receiver.feed(good + bytes(bad)) + receiver.flush()
            assert len([e for e in events if isinstance(e, Reading)]) == (1 if good else 0), i


def test_details_are_sentences_and_hold_no_key():
    for key, auth_key in ((None, None), (bytes(16), None), (KEY, bytes(16))):
        for event in Receiver(key, auth_key).feed(mbus(ciphered(kaifa_apdu(), 1, 0x30))):
            assert event.kind in FAULTS
            assert " " in event.detail
            for secret in (KEY, AUTH_KEY, bytes(16)):
                assert "".join(["%02x" % b for b in secret]) not in event.detail.lower()


def test_an_unguarded_list_has_to_look_like_a_house_s():
    values = {"1.7.0": (100, 0), "32.7.0": (2300, -1), "31.7.0": (50, -2)}
    assert isinstance(Receiver(KEY).feed(mbus(ciphered(kaifa_apdu(values=values))))[0], Reading)
    odd = {"1.7.0": (100, 0), "32.7.0": (9300, -1), "31.7.0": (50, -2)}
    assert Receiver(KEY).feed(mbus(ciphered(kaifa_apdu(values=odd))))[0].kind == "value"
    # the same under a tag that was checked is the meter's own word
    sealed = mbus(ciphered(kaifa_apdu(values=odd), 1, 0x30))
    assert isinstance(Receiver(KEY, AUTH_KEY).feed(sealed)[0], Reading)


def test_noise_loads_no_link():
    """On a device its module would stay, and take the heap that the decoder needs."""
    receiver = Receiver()
    state = 1
    told = 0
    for n in range(300):
        noise = bytearray()
        for _ in range(100):
            state = (state * 1103515245 + 12345) & 0x7FFFFFFF
            noise.append(state >> 16 & 0xFF)
        told += len(receiver.feed(noise))
        if n % 7 == 0:  # a pause, behind which a telegram may lack its framing
            told += len(receiver.flush())
    assert told and not receiver._links
    found = receiver.feed(mbus(kaifa_apdu()))
    assert [type(event) for event in found if isinstance(event, Reading)] == [Reading]
    assert list(receiver._links) == ["mbus"]


def test_a_transformer_ratio_is_applied_once():
    plain = Receiver(KEY)
    scaled = Receiver(KEY, ratio=60)
    for counter in range(1, 5):  # kept as a layout from the third on
        telegram = mbus(ciphered(kaifa_apdu(), counter))
        one, many = plain.feed(telegram)[0], scaled.feed(telegram)[0]
        assert (one.ratio, many.ratio) == (1, 60)
        for key, (mantissa, exponent) in one.values.items():
            factor = 1 if one.units[key] == "V" else 60
            assert many.values[key] == (mantissa * factor, exponent), key
    text = to_json(many)
    assert ',"ratio":60,"values":{' in text
    assert json.loads(text)["ratio"] == 60
    assert "ratio" not in to_json(one)


def test_a_ratio_is_for_electricity_in_every_form():
    text = b"/TST5x\r\n\r\n1-0:1.7.0(00.338*kW)\r\n1-0:32.7.0(230.1*V)\r\n1-0:31.7.0(001.5*A)\r\n"
    text += b"1-0:1.8.1(000001.000*kWh)\r\n1-0:1.8.2(000002.000*kWh)\r\n1-0:14.7.0(50.0*Hz)\r\n"
    text += b"0-1:24.2.1(260703140002S)(00092.287*m3)\r\n0-2:24.2.1(260703140002S)(1.5*GJ)\r\n!"
    text += b"%04X\r\n" % arc(text, 0, len(text))
    values = Receiver(ratio=40).feed(text)[0].values
    assert values["1.7.0"] == (338 * 40, 0)
    assert values["16.7.0" if "16.7.0" in values else "1.7.0"] == (338 * 40, 0)
    assert values["1.8.0"] == (3000 * 40, 0)
    assert values["31.7.0"] == (15 * 40, -1)
    assert values["32.7.0"] == (2301, -1)
    assert values["14.7.0"] == (500, -1)
    assert values["24.2.1"] == (92287, -3)
    assert values["0-2:24.2.1"] == (15 * 10**8, 0)
