"""Whatever arrives: a Reading or a Fault, in bounds, the same in any chunks. CPython only."""

import json
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st
from smartmeter import FAULTS, Fault, Reading, Receiver
from smartmeter.texts import is_code, is_time
from smartmeter.wire.reading_encoder import stamp, to_json
from telegrams import AUTH_KEY, KEY, ciphered, hdlc, hdlc_blocks, kaifa_apdu, mbus

PLAIN = kaifa_apdu()
WIRES = [
    mbus(ciphered(PLAIN)),
    mbus(ciphered(PLAIN, 1, 0x30)),
    hdlc(PLAIN),
    hdlc(ciphered(PLAIN, 1, 0x30), 100),
    hdlc_blocks(ciphered(PLAIN, 1, 0x30)),
    ciphered(PLAIN),
    PLAIN,
]
EXPECTED = Receiver(KEY).feed(WIRES[0])[0].values


def sound(events):
    for event in events:
        if isinstance(event, Fault):
            assert event.kind in FAULTS
            assert event.detail
            continue
        assert event.values
        assert event.time is None or is_time(event.time)
        for key, (mantissa, exponent) in event.values.items():
            assert is_code(key)
            assert type(mantissa) is int
            assert -9 <= exponent <= 0
        stamp(event, "2026-01-01T00:00:00Z", 1)
        text = to_json(event, event.values)
        found = json.loads(text, parse_int=Decimal, parse_float=Decimal)["values"]
        assert found == {code: Decimal(m).scaleb(e) for code, (m, e) in event.values.items()}


edits = st.lists(
    st.tuples(
        st.sampled_from(("flip", "set", "drop", "insert", "swap", "cut", "repeat")),
        st.integers(0, 1 << 16),
        st.integers(0, 1 << 16),
    ),
    min_size=1,
    max_size=4,
)


def mutated(wire, changes):
    data = bytearray(wire)
    for kind, a, b in changes:
        if not data:
            break
        i, j = a % len(data), b % len(data)
        if kind == "flip":
            data[i] ^= 1 << b % 8
        elif kind == "set":
            data[i] = b & 0xFF
        elif kind == "drop":
            del data[i : i + 1 + b % 8]
        elif kind == "insert":
            data[i:i] = bytes((b & 0xFF, b >> 8 & 0xFF))
        elif kind == "swap":
            data[i], data[j] = data[j], data[i]
        elif kind == "cut":
            del data[i:]
        else:
            data[i:i] = data[i : i + b % 40]
    return bytes(data)


@given(st.binary(max_size=600), st.integers(1, 50))
def test_any_bytes_in_any_chunks(data, size):
    whole = Receiver(KEY)
    events = whole.feed(data) + whole.flush()
    sound(events)
    pieces = Receiver(KEY)
    got = []
    for i in range(0, len(data), size):
        got += pieces.feed(data[i : i + size])
    got += pieces.flush()
    sound(got)
    assert [repr(e) for e in got] == [repr(e) for e in events]


@given(st.sampled_from(WIRES), edits, st.integers(1, 400))
def test_mutants_in_any_chunks(wire, changes, size):
    data = mutated(wire, changes)
    whole = Receiver(KEY)
    events = whole.feed(data) + whole.flush()
    sound(events)
    pieces = Receiver(KEY)
    got = []
    for i in range(0, len(data), size):
        got += pieces.feed(data[i : i + size])
    got += pieces.flush()
    sound(got)
    assert [repr(e) for e in got] == [repr(e) for e in events]


@given(st.sampled_from((1, 3, 4)), edits)
def test_a_tag_lets_no_mutant_through(which, changes):
    receiver = Receiver(KEY, AUTH_KEY)
    for event in receiver.feed(mutated(WIRES[which], changes)) + receiver.flush():
        if isinstance(event, Reading):
            assert event.values == EXPECTED
            assert event.auth == "verified"


@given(edits)
def test_a_check_sum_lets_no_mutant_through(changes):
    receiver = Receiver()
    for event in receiver.feed(mutated(WIRES[2], changes)) + receiver.flush():
        if isinstance(event, Reading):
            assert event.values == EXPECTED


@given(edits, st.booleans())
def test_the_parser_itself(changes, sealed):
    """Mutants under a checksum put on again."""
    apdu = mutated(PLAIN, changes)
    receiver = Receiver(KEY)
    sound(receiver.feed(hdlc(ciphered(apdu, 1, 0x30) if sealed else apdu)) + receiver.flush())
