"""General ciphering: what opens, what is refused, and as what."""

from smartmeter import Reading, Receiver
from smartmeter.checks.crc import arc
from smartmeter.dlms.ciphering import RECOVERY
from smartmeter.dlms.freshness import is_later
from telegrams import (
    AUTH_KEY,
    KEY,
    TIME,
    TITLE,
    be,
    ciphered,
    hdlc,
    kaifa_apdu,
    mbus,
    notification,
    obis,
    structure,
    u32,
)


def events(apdu, key=KEY, auth_key=None):
    receiver = Receiver(key, auth_key)
    return receiver.feed(hdlc(apdu)) + receiver.flush()


def kind(apdu, key=KEY, auth_key=None):
    """The kind of the one fault that an APDU gives."""
    found = events(apdu, key, auth_key)
    assert len(found) == 1, found
    return found[0].kind


def reading(apdu, key=KEY, auth_key=None):
    found = events(apdu, key, auth_key)
    assert len(found) == 1, found
    assert isinstance(found[0], Reading), found
    return found[0]


def test_each_security_control():
    for control, auth in ((0x20, "none"), (0x21, "none"), (0x30, "unverified")):
        got = reading(ciphered(kaifa_apdu(), 7, control))
        assert (got.auth, got.counter, got.seq, got.time) == (auth, 7, 7, TIME)
    for control in (0x30, 0x31):
        assert reading(ciphered(kaifa_apdu(), 7, control), KEY, AUTH_KEY).auth == "verified"
    assert reading(ciphered(kaifa_apdu(), 7, 0x10), None).auth == "unverified"


def test_each_form_of_length():
    for form in (
        lambda n: b"\x82" + be(n, 2),
        lambda n: b"\x83" + be(n, 3),
        lambda n: b"\x84" + be(n, 4),
    ):
        assert reading(ciphered(kaifa_apdu(), ber=form)).values["1.7.0"] == (133, 0)
    short = notification(structure(obis("1-0:1.7.0"), u32(5)))
    assert reading(ciphered(short)).values["1.7.0"] == (5, 0)


def test_general_dedicated_is_opened_too():
    apdu = b"\xdf" + ciphered(kaifa_apdu())[1:]
    assert reading(apdu).values["1.7.0"] == (133, 0)


def test_no_key_and_wrong_keys():
    other = bytes(16)
    for control in (0x20, 0x21, 0x30):
        apdu = ciphered(kaifa_apdu(), 1, control)
        assert kind(apdu, None) == "key"
        assert kind(apdu, other) == "key"
    tagged = ciphered(kaifa_apdu(), 1, 0x30)
    assert kind(tagged, other, AUTH_KEY) == "key"
    assert kind(tagged, KEY, other) == "tag"
    assert kind(ciphered(kaifa_apdu(), 1, 0x10), KEY, other) == "tag"


def test_a_key_fault_carries_the_telegram_for_who_has_the_key():
    apdu = ciphered(kaifa_apdu())
    fault = events(apdu, None)[0]
    assert fault.payload == apdu
    assert Receiver(KEY, link="apdu").feed(fault.payload)[0].values["1.7.0"] == (133, 0)


def test_a_changed_telegram_under_a_tag():
    apdu = ciphered(kaifa_apdu(), 1, 0x30)
    for i in (60, 100, len(apdu) - 13, len(apdu) - 1):
        bad = bytearray(apdu)
        bad[i] ^= 1
        assert kind(bytes(bad), KEY, AUTH_KEY) == "tag"


def test_no_tag_where_one_is_due():
    assert kind(ciphered(kaifa_apdu(), 1, 0x20), KEY, AUTH_KEY) == "tag"
    # one flipped bit of the control turns a tag into content: no way round the check
    bad = bytearray(ciphered(kaifa_apdu(), 1, 0x30))
    bad[bad.find(b"\x30\x00\x00\x00\x01")] = 0x20
    assert kind(bytes(bad), KEY, AUTH_KEY) == "tag"
    assert kind(bytes(bad), KEY) == "length"  # and without an authentication key, none either


def test_what_is_not_known_is_refused_by_name():
    for control in (0xA0, 0x60, 0x22, 0x2F):
        found = events(ciphered(kaifa_apdu(), 1, control))
        assert [f.kind for f in found] == ["cipher"]


def test_lengths_that_do_not_agree():
    apdu = ciphered(kaifa_apdu())
    assert kind(apdu[:-1]) == "length"
    assert kind(apdu + b"\x00") == "length"
    assert kind(b"\xdb\x07" + apdu[2:]) == "length"
    assert kind(b"\xdb\x08KFM") == "length"
    assert kind(ciphered(b"", 1, 0x21)[:-5] + b"\x00") == "length"


def test_a_replayed_telegram():
    receiver = Receiver(KEY)
    first = hdlc(ciphered(kaifa_apdu(), 100))
    assert isinstance(receiver.feed(first)[0], Reading)
    assert [e.kind for e in receiver.feed(first)] == ["replay"]
    assert [e.kind for e in receiver.feed(hdlc(ciphered(kaifa_apdu(), 99)))] == ["replay"]
    assert isinstance(receiver.feed(hdlc(ciphered(kaifa_apdu(), 101)))[0], Reading)


def test_a_new_meter_or_key_is_accepted_after_a_while():
    receiver = Receiver(KEY)
    receiver.feed(hdlc(ciphered(kaifa_apdu(), 1000)))
    for counter in range(1, RECOVERY):
        assert [e.kind for e in receiver.feed(hdlc(ciphered(kaifa_apdu(), counter)))] == ["replay"]
    assert isinstance(receiver.feed(hdlc(ciphered(kaifa_apdu(), RECOVERY)))[0], Reading)
    # one telegram sent over and over never gets there
    for _ in range(3 * RECOVERY):
        assert receiver.feed(hdlc(ciphered(kaifa_apdu(), 5)))[0].kind == "replay"


def test_counters_survive_a_restart():
    receiver = Receiver(KEY)
    receiver.feed(hdlc(ciphered(kaifa_apdu(), 100)))
    again = Receiver(KEY)
    again.counters.update(receiver.counters)
    assert again.feed(hdlc(ciphered(kaifa_apdu(), 100)))[0].kind == "replay"


def test_what_is_no_telegram_does_not_move_the_counter():
    receiver = Receiver(KEY)
    bad = bytearray(ciphered(kaifa_apdu(), 1))
    at = bytes(bad).find(b"\x21\x00\x00\x00\x01")
    bad[at + 1] = 0xFF  # the counter, far ahead: the content is garbage then
    assert receiver.feed(hdlc(bytes(bad)))[0].kind == "key"
    assert isinstance(receiver.feed(hdlc(ciphered(kaifa_apdu(), 2)))[0], Reading)


def test_keys_are_sixteen_bytes():
    for bad in (b"", bytes(15), bytes(17)):
        for arguments in ((bad, None), (KEY, bad)):
            try:
                Receiver(*arguments)
            except ValueError as e:
                assert "16 bytes" in str(e)
            else:
                raise AssertionError(bad)


def test_with_a_key_nothing_unencrypted_is_a_reading():
    plain = kaifa_apdu()
    for key, auth_key, due in ((KEY, None, "unencrypted"), (KEY, AUTH_KEY, "tag")):
        for data in (plain, ciphered(plain, 1, 0x00), b"\xdb\x00" + ciphered(plain, 1, 0x00)[10:]):
            for framed in (hdlc(data), mbus(data)):
                assert [e.kind for e in Receiver(key, auth_key).feed(framed)] == [due], data
        text = b"/TST5x\r\n\r\n1-0:1.7.0(00.338*kW)\r\n!"
        text += b"%04X\r\n" % arc(text, 0, len(text))
        assert [e.kind for e in Receiver(key, auth_key).feed(text)] == [due]
    # with its tag it is genuine, but anybody reads it
    assert kind(ciphered(plain, 1, 0x10), KEY, AUTH_KEY) == "unencrypted"
    assert kind(ciphered(plain, 1, 0x10), KEY) == "unencrypted"
    allowed = Receiver(KEY, unencrypted=True)
    for data in (plain, ciphered(plain, 1, 0x00), ciphered(plain, 1, 0x20)):
        assert isinstance(allowed.feed(hdlc(data))[0], Reading)
    allowed = Receiver(KEY, AUTH_KEY, unencrypted=True)
    assert allowed.feed(hdlc(ciphered(plain, 1, 0x10)))[0].auth == "verified"
    assert allowed.feed(hdlc(plain))[0].kind == "tag"


def test_only_a_decrypted_telegram_moves_the_counter():
    receiver = Receiver(KEY, unencrypted=True)
    far = ciphered(kaifa_apdu(), 0xFFFFFFFF, 0x00)
    for counter in (1, 2, 3):
        assert isinstance(receiver.feed(hdlc(ciphered(kaifa_apdu(), counter)))[0], Reading)
        receiver.feed(hdlc(far))
        assert list(receiver.counters.values()) == [counter]


def at(day, hour):
    return bytes((0x07, 0xEA, 11, day, 0xFF, hour, 10, 5, 0, 0xFF, 0xC4, 0x00))


def test_with_an_authentication_key_an_old_telegram_never_comes_back():
    recorded = [hdlc(ciphered(kaifa_apdu(at(22, n)), n, 0x30)) for n in range(1, 21)]
    receiver = Receiver(KEY, AUTH_KEY)
    for telegram in recorded:
        assert receiver.feed(telegram)[0].auth == "verified"
    for telegram in recorded:
        assert [e.kind for e in receiver.feed(telegram)] == ["replay"]
    # a meter with a new key counts from 0 again, and its clock has gone on
    assert isinstance(receiver.feed(hdlc(ciphered(kaifa_apdu(at(22, 21)), 1, 0x30)))[0], Reading)
    assert isinstance(receiver.feed(hdlc(ciphered(kaifa_apdu(at(22, 22)), 2, 0x30)))[0], Reading)
    # the counter and its time survive a restart together
    again = Receiver(KEY, AUTH_KEY)
    again.counters, again.times = receiver.counters, receiver.times
    assert again.feed(hdlc(ciphered(kaifa_apdu(at(22, 21)), 1, 0x30)))[0].kind == "replay"
    assert isinstance(again.feed(hdlc(ciphered(kaifa_apdu(at(23, 1)), 1, 0x30)))[0], Reading)
    # without its time nothing shows which is newer
    again = Receiver(KEY, AUTH_KEY)
    again.counters = {bytes(TITLE): 9}
    assert again.feed(hdlc(ciphered(kaifa_apdu(at(24, 1)), 1, 0x30)))[0].kind == "replay"


def test_which_time_is_later():
    last = "2026-10-25T02:30:00+02:00"
    for time in ("2026-10-25T02:00:00+01:00", "2026-10-25T00:30:01Z", "2027-01-01T00:00:00+01:00",
                 "2028-02-29T00:00:00+01:00", "2026-10-24T20:31:00-04:00"):  # fmt: skip
        assert is_later(time, last)
        assert not is_later(last, time)
    assert is_later("2028-03-01T00:00:00Z", "2028-02-29T23:59:59Z")
    assert is_later("2029-01-01T00:00:00Z", "2028-12-31T23:59:59Z")
    assert not is_later(last, last)
    assert not is_later(None, last)
    assert not is_later(last, None)
