"""KMP: the frames of Kamstrup's heat meters, their registers, and how they are asked."""

from smartmeter import Reading, Receiver
from smartmeter.checks.crc import xmodem, xmodem_by_bits
from smartmeter.dialog.kmp import REGISTERS, Kmp, request
from smartmeter.fault import CHECKSUM, LAYOUT, LENGTH
from smartmeter.kmp.decode import QUANTITIES, SERIAL_NUMBER

SPECIAL = (0x06, 0x0D, 0x1B, 0x40, 0x80)
ENERGY = "003c 08 04 42 000222e0"  # 1400.00 GJ
SERIAL = "03e9 33 04 00 03ef1480"


def answer(*registers, command=0x10):
    content = bytes((0x3F, command)) + bytes.fromhex("".join(registers).replace(" ", ""))
    crc = xmodem(content, 0, len(content))
    content += bytes((crc >> 8, crc & 0xFF))
    wire = b"\x40"
    for byte in content:
        wire += bytes((0x1B, byte ^ 0xFF)) if byte in SPECIAL else bytes((byte,))
    return wire + b"\x0d"


def events(data, receiver=None):
    receiver = receiver or Receiver()
    return receiver.feed(data) + receiver.flush()


def reading(*registers):
    (found,) = events(answer(*registers))
    assert isinstance(found, Reading), found
    return found


def fault(*registers):
    (found,) = events(answer(*registers))
    return found.kind


def test_the_crc_of_the_maker_s_examples():
    for sum_of, told in (("3f01", 0x058A), ("3f02", 0x35E9), ("3f1001003c", 0xB25F)):
        data = bytes.fromhex(sum_of)
        assert xmodem(data, 0, len(data)) == xmodem_by_bits(data, 0, len(data)) == told
    assert request((60,)).hex() == "803f1001003cb25f0d"
    assert request((128,)).hex() == "803f1001001b7fd4080d"  # 80 is escaped


def test_registers_and_their_units():
    got = reading(
        ENERGY,
        "0044 28 04 42 00147530",
        "0050 16 04 41 00000032",
        "004a 29 04 00 000000ac",
        "0056 25 04 42 00001c20",
        "0057 25 04 42 0000125c",
        "0059 26 04 42 000009c4",
        SERIAL,
    )
    assert (got.medium, got.meter, got.time) == ("heat", "66000000", None)
    assert got.layers == ("kmp", "registers")
    assert got.values == {
        "6-0:1.0.0": (1400000000000, 0),
        "6-0:2.0.0": (1340720, -2),
        "6-0:8.0.0": (5000, 0),
        "6-0:9.0.0": (172, -3),
        "6-0:10.0.0": (7200, -2),
        "6-0:11.0.0": (4700, -2),
        "6-0:12.0.0": (2500, -2),
    }
    assert [got.units[code] for code in ("6-0:1.0.0", "6-0:9.0.0", "6-0:12.0.0")] == [
        "J",
        "m3/h",
        "K",
    ]


def test_numbers_of_other_units_sizes_and_signs():
    for register, code, value, unit in (
        ("003c 03 04 43 0000d6de", "6-0:1.0.0", (55006000, 0), "Wh"),
        ("003c 02 02 00 0fff", "6-0:1.0.0", (4095000, 0), "Wh"),
        ("003c 39 01 00 07", "6-0:1.0.0", (70000000000, 0), "J"),
        ("0044 37 04 41 00000101", "6-0:2.0.0", (257, 0), "m3"),
        ("0056 25 02 c1 00fb", "6-0:10.0.0", (-251, -1), "degC"),
        ("0059 25 02 42 00fb", "6-0:12.0.0", (251, -2), "K"),
        ("0050 15 03 01 000101", "6-0:8.0.0", (2570, 0), "W"),
    ):
        got = reading(register)
        assert (got.values[code], got.units[code]) == (value, unit), register


def test_a_unit_that_does_not_fit_is_no_value():
    assert reading(ENERGY, "0044 25 02 00 00fb").values == {"6-0:1.0.0": (1400000000000, 0)}
    assert fault("0044 25 02 00 00fb") == LAYOUT
    assert fault("0055 28 02 00 00fb") == LAYOUT  # a register of a pulse input
    assert fault() == LAYOUT


def test_answers_that_do_not_fit():
    for wrong in ("003c 08 05 42 000222e0", "003c 08 00 42", "003c 08", "003c 08 09 42" + "00" * 9):
        assert fault(wrong) == LENGTH, wrong
    assert fault(ENERGY, ENERGY) == LAYOUT
    assert fault("003c 08 04 3f 000222e0") == LAYOUT  # 10^63


def test_the_same_values_once_the_layout_is_known():
    receiver = Receiver()
    for energy in ("000222e0", "000222e1", "ffffffff", "00000000"):
        for volume in ("0044 28 04 42 00147531", "0044 28 04 c2 00147531"):
            wire = answer("003c 08 04 42" + energy, volume, SERIAL)
            (got,) = events(wire, receiver)
            (fresh,) = events(wire)
            assert (got.values, got.meter, got.medium) == (fresh.values, "66000000", "heat")
            assert (got.layers, bytes(got.payload)) == (fresh.layers, bytes(fresh.payload))


def test_an_echo_and_other_commands_are_nobodys_telegram():
    wire = answer(ENERGY)
    (got,) = events(request(REGISTERS) + wire)
    assert got.values
    found = events(wire + answer("01234567", command=0x02) + wire)
    assert [len(e.values) for e in found] == [1, 1]


def test_damage_is_a_fault_and_the_next_answer_is_read():
    wire = answer(ENERGY, SERIAL)
    for i in range(3, len(wire) - 1):
        for change in (0x01, 0x80):
            bad = bytearray(wire)
            bad[i] ^= change
            found = events(bytes(bad) + wire)
            assert [e.values for e in found if isinstance(e, Reading)] == [
                {"6-0:1.0.0": (1400000000000, 0)}
            ], (i, found)
            assert not isinstance(found[0], Reading), i
    assert [e.kind for e in events(wire[:-3] + wire)[:1]] == [CHECKSUM]
    assert events(wire[:9])[0].kind == LENGTH


def test_any_chunking_gives_the_same():
    wire = request(REGISTERS) + answer(ENERGY, SERIAL) * 2
    whole = [e.values for e in events(wire)]
    receiver = Receiver()
    found = []
    for i in range(len(wire)):
        found += receiver.feed(wire[i : i + 1])
    assert [e.values for e in found + receiver.flush()] == whole
    assert len(whole) == 2


def test_what_is_asked_is_what_is_known():
    assert set(REGISTERS) == set(QUANTITIES) | {SERIAL_NUMBER}
    assert len(REGISTERS) <= 8  # of one request


def test_a_dialog():
    poller = Kmp(interval_ms=1000)
    assert poller.setting == (1200, 8, "N", 2)
    asked = request(REGISTERS)
    assert poller.due(0) == (asked, None)
    assert poller.due(500) == (b"", None)
    assert poller.due(2100) == (asked, None)  # it slept
    poller.received(asked, 2300)  # an echo
    wire = answer(ENERGY)
    poller.received(wire[:5], 2600)
    poller.received(wire[5:], 2700)
    assert poller.state == "rests until the next request"
    assert poller.due(59_000) == (b"", None)  # a minute at least, whatever the interval
    assert poller.due(60_200) == (asked, None)


def test_a_meter_that_does_not_answer_is_asked_less_often():
    poller = Kmp()
    sent = [now for now in range(0, 60_000, 100) if poller.due(now)[0]]
    assert 6 <= len(sent) <= 12
    assert poller.state.startswith("has asked")
    try:
        Kmp(address="7")
    except ValueError as why:
        assert str(why) == "a meter that is read by KMP has no address"
    else:
        raise AssertionError("it has no address")
