"""P1 telegrams through the link: sums, damage, pieces and encryption."""

from p1_texts import HEAD, LINES, VALUES, events, fault, reading, telegram
from smartmeter import Fault, Reading, Receiver
from smartmeter.checks.crc import x25
from smartmeter.fault import CHECKSUM, KEY, LAYOUT, LENGTH, TAG
from smartmeter.link.p1 import P1
from smartmeter.wire.reading_encoder import to_json
from telegrams import AUTH_KEY, ciphered
from telegrams import KEY as KEY_16


def test_forms_of_the_check_sum():
    for form in ("!%04X\r\n", "!%04x\r\n", "!%X\r\n", "!%04X", "!\r\n", "!"):
        assert reading(telegram(LINES[1:], form)).values == VALUES, form
    for n in range(1000):
        data = telegram(["1-0:1.7.0(%d*W)" % n], "!%X\r\n")
        if data[-5:-4] == b"!":  # two digits
            break
    assert reading(data).values == {"1.7.0": (n, 0)}


def test_the_sum_of_hdlc():
    text = telegram(form="!")
    data = text + b"%04X\r\n" % x25(text, 0, len(text))
    assert reading(data).values == VALUES
    assert reading(data.replace(b"\r", b"")).values == VALUES
    assert fault(data.replace(b"00.338", b"00.339")) == CHECKSUM


def test_line_ends_that_a_reader_has_changed():
    assert reading(telegram().replace(b"\r", b"")).values == VALUES
    assert reading(telegram(LINES[1:], "!\r\n").replace(b"\r", b"")).values == VALUES


def test_any_pieces_give_the_same():
    data = telegram(LINES[1:], "!\r\n") + telegram() + telegram()
    whole = [to_json(e) for e in events(data)]
    assert len(whole) == 3
    for pieces in (1, 2, 7, 100):
        assert [to_json(e) for e in events(data, pieces)] == whole


def test_noise_before_and_between():
    data = b"\x00\x7f//?!" + telegram() + b"5*kWh)\r\n!AB\r\n" + telegram()
    found = [e for e in events(data) if isinstance(e, Reading)]
    assert [e.values for e in found] == [VALUES, VALUES]


def test_every_flipped_bit_is_noticed():
    data = telegram()
    for i in range(len(data) - 2):
        for bit in (0, 3, 5, 7):
            bad = bytearray(data)
            bad[i] ^= 1 << bit
            for event in events(bytes(bad)):
                if isinstance(event, Reading):
                    assert event.values == VALUES, (i, bit)  # the case of a digit of the CRC
                    assert i >= len(data) - 6, (i, bit)


def test_a_wrong_or_cut_sum():
    assert fault(telegram()[:-6] + b"0000\r\n") == CHECKSUM
    assert fault(telegram()[:-6] + b"12G4\r\n") == CHECKSUM
    assert fault(telegram()[:200]) == LENGTH


def test_a_telegram_cut_short_does_not_spoil_the_next():
    for form in ("!%04X\r\n", "!\r\n"):
        data = telegram(LINES[1:], form)
        for cut in (30, 120, 200):
            found = events(data[:cut] + data)
            assert [e.values for e in found if isinstance(e, Reading)] == [VALUES], (form, cut)
            assert len(found) == 2, found


def test_without_a_sum_every_line_must_be_in_form():
    for line in ("nonsense", "1-0:1.8.0(00x1*kWh)", "(1*kWh)", "1-0:1.8.0(1*kWh"):
        assert fault(telegram([line, "1-0:1.7.0(1*W)"], "!\r\n")) == LAYOUT, line
    assert fault(telegram(["0-0:96.1.0(5)"])) == LAYOUT


def test_a_sum_that_was_lost():
    bare = telegram(LINES[1:], "!\r\n")
    assert reading(bare).values == VALUES
    assert fault(telegram(LINES, "!\r\n")) == CHECKSUM  # DSMR 5.0 has one
    found = events(telegram() + bare)
    assert [e.values for e in found if isinstance(e, Reading)] == [VALUES]
    assert found[1].kind == CHECKSUM
    # another meter, then, on the same line
    found = events(telegram() + 10 * bare)
    assert [type(e) is Reading for e in found] == [True] + 8 * [False] + 2 * [True]
    assert fault(bare[:-2] + b"\n") == CHECKSUM  # CR was hit, not the end of the text


def test_the_next_telegram_right_behind_the_end():
    for form in ("!", "!%X"):
        found = events(telegram(LINES[2:], form) + telegram(LINES[2:], form))
        assert [type(event) for event in found] == [Reading, Reading], form


def test_a_text_in_brackets_may_hold_anything():
    lines = ["0-0:96.13.0(a/b ! (/T5 !12 *)", "1-0:1.7.0(1*W)"]
    for form in ("!%04X\r\n", "!\r\n"):
        assert reading(telegram(lines, form)).values == {"1.7.0": (1, 0)}


def test_endless_text_is_held_up_to_a_bound():
    receiver = Receiver()
    kinds = set()
    for _ in range(100):
        for event in receiver.feed(HEAD.encode() + b"1-0:1.8.1(000301.548*kWh)\r\n" * 40):
            kinds.add(event.kind)
        assert len(receiver._buf) <= P1.MAX
    assert kinds == {LENGTH} or kinds == {LENGTH, "noise"}


def test_the_whole_text_ciphered():
    for title in (b"SAGgp\x00\x00\x01", b"SAG5\x00\x00\x00\x01"):
        data = ciphered(telegram(), 7, 0x30, title=title)
        got = reading(data, key=KEY_16, auth_key=AUTH_KEY)
        assert (got.values, got.auth, got.counter, got.seq) == (VALUES, "verified", 7, 7)
        for link in ("p1", "apdu"):
            assert reading(data, key=KEY_16, link=link).values == VALUES
        assert got.time == "2026-07-03T14:00:05+02:00"
        assert reading(data, key=KEY_16).auth == "unverified"
        assert fault(data) == KEY
        assert fault(data, key=bytes(16)) == KEY
        assert fault(data, key=KEY_16, auth_key=bytes(16)) == TAG


def test_ciphered_telegrams_one_after_the_other_in_any_pieces():
    data = b"".join([ciphered(telegram(), n, 0x30) for n in (1, 2, 3)])
    for pieces in (0, 1, 50):
        found = events(data, pieces, key=KEY_16, auth_key=AUTH_KEY)
        assert [e.counter for e in found] == [1, 2, 3], pieces


def test_the_sum_inside_is_checked_where_no_tag_is():
    text = telegram()[:-6] + b"0000\r\n"
    assert fault(ciphered(text, 1, 0x20), key=KEY_16) == CHECKSUM


def test_lines_ciphered_behind_a_plain_identification():
    plain = telegram()[len(HEAD) :]
    block = b"\x00" + ciphered(plain, 0, 0x30, title=bytes(8), ber=_long)[10:]
    for head in (HEAD, "/KFM5KAIFA-METER\r\n\r\n"):
        for body in (plain, telegram()):
            block = b"\x00" + ciphered(body, 0, 0x30, title=bytes(8), ber=_long)[10:]
            for tail in (b"", b"!9A0C\r\n", b"\r\n"):
                data = head.encode() + block + tail
                for pieces in (0, 1):
                    found = events(data, pieces, key=KEY_16, auth_key=AUTH_KEY)
                    assert len(found) == 1, found
                    assert (found[0].values, found[0].auth) == (VALUES, "verified")
                    assert found[0].counter is None
    assert fault(HEAD.encode() + block) == KEY
    assert fault(HEAD.encode() + block, key=bytes(16)) == KEY


def test_a_ciphered_telegram_cut_short_behind_a_damaged_identification():
    block = b"\x00" + ciphered(telegram(), 0, 0x30, title=bytes(8), ber=_long)[10:]
    good = HEAD.encode() + block
    line_end = len(HEAD) - 4  # where a length that is too long by so much still seems right
    for at in range(1, 5):
        bad = bytearray(good[:-line_end])
        bad[at] ^= 2
        for pieces in (0, 1, 64):
            found = events(good + bytes(bad) + good, pieces, key=KEY_16, auth_key=AUTH_KEY)
            assert [type(e) for e in found] == [Reading, Fault, Reading], (at, found)
            assert found[1].kind == LENGTH


def _long(n):
    return b"\x82" + n.to_bytes(2, "big")
