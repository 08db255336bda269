"""SML, P1, readouts and records: mutants of each in any chunks. CPython only."""

from hypothesis import given
from hypothesis import strategies as st
from smartmeter import Reading, Receiver
from smartmeter.checks.crc import arc
from smartmeter.dialog.signon import SignOn
from test_receiver_properties import edits, mutated, sound

from tests.core.link import test_iec62056, test_p1
from tests.core.mbus import test_records
from tests.core.sml import test_sml

SML = test_sml.telegram(test_sml.ENTRIES)
CHECKED = [SML, test_p1.telegram()]
WIRES = [
    *CHECKED,
    test_p1.telegram().replace(b"\r", b""),
    test_sml.telegram(test_sml.ENTRIES, crc=test_sml.kermit),
    test_p1.telegram(test_p1.LINES[1:], "!\r\n"),
    test_iec62056.IDENT + test_iec62056.block(),
    test_iec62056.LINES,
    test_records.amis(test_records.amis_plain()),
    test_records.reply("0403050000008410fb82730500000004ab3c0500000002fdc8fc01e803"),
]


@given(st.sampled_from(WIRES), st.sampled_from(WIRES), edits, st.integers(1, 300))
def test_mutants_in_any_chunks(wire, other, changes, size):
    data = mutated(wire, changes) + other
    whole = Receiver(test_records.KEY_16)
    events = whole.feed(data) + whole.flush()
    expected = [repr(e) for e in events]
    sound(events)
    pieces = Receiver(test_records.KEY_16)
    got = []
    for i in range(0, len(data), size):
        got += pieces.feed(data[i : i + size])
    got += pieces.flush()
    assert [repr(e) for e in got] == expected


@given(st.sampled_from(CHECKED), st.integers(0, 5000), st.integers(1, 255))
def test_a_crc_lets_no_byte_through(wire, place, change):
    """Of damage that is longer than the CRC, one in 65536 passes by chance."""
    expected = Receiver().feed(wire)[0].values
    data = bytearray(wire)
    data[place % len(data)] ^= change
    receiver = Receiver()
    for event in receiver.feed(data) + receiver.flush():
        if isinstance(event, Reading):
            assert event.values == expected


@given(edits)
def test_sml_messages_under_a_right_crc(changes):
    body = mutated(SML[8:-8], changes)
    receiver = Receiver()
    sound(receiver.feed(test_sml.framed(body)) + receiver.flush())


@given(edits)
def test_lines_under_a_right_crc(changes):
    text = mutated(test_p1.telegram()[len(test_p1.HEAD) : -7], changes)
    whole = test_p1.HEAD.encode() + text + b"\r\n!"
    data = whole + b"%04X\r\n" % arc(whole, 0, len(whole))
    receiver = Receiver()
    sound(receiver.feed(data) + receiver.flush())


@given(edits)
def test_records_under_a_right_sum(changes):
    plain = mutated(test_records.amis_plain()[2:-2], changes)
    receiver = Receiver(test_records.KEY_16)
    for ci in (0x72, 0x7A, 0x78):
        header = {0x72: 12, 0x7A: 4, 0x78: 0}[ci]
        data = (
            bytes((8, 1, ci)) + bytes((0, 0, 0, 0, 0, 0, 1, 2, 9, 0, 0, 0))[12 - header :] + plain
        )
        sound(receiver.feed(test_records.frame(data[:250])) + receiver.flush())


@given(st.lists(st.tuples(st.binary(max_size=40), st.integers(0, 3000)), max_size=40))
def test_a_sign_on_hears_anything(heard):
    poller = SignOn()
    now = 0
    for data, wait in heard:
        now += wait
        assert poller.received(data, now) == b""
        send, baud = poller.due(now)
        assert len(send) < 40
        assert baud is None or 300 <= baud <= 19200
