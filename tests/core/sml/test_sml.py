"""SML: telegrams built here element by element, read through the link and the decoder."""

from smartmeter import Receiver
from smartmeter.checks.crc import kermit, x25
from smartmeter.fault import CHECKSUM, LAYOUT, LENGTH, VALUE, Fault, Rejected
from smartmeter.link.sml import Sml
from smartmeter.sml import decode as messages

ESCAPE = b"\x1b\x1b\x1b\x1b"
SERVER = b"\x0a\x01TST\x00" + (12345678).to_bytes(4, "big")
KWH, W = 0x1E, 0x1B


def octets(data):
    size = len(data) + 1
    if size < 16:
        return bytes((size,)) + data
    size += 1
    return bytes((0x80 | size >> 4, size & 15)) + data


def whole(kind, value, size):
    if value < 0:
        value += 1 << 8 * size
    return bytes((kind | size + 1,)) + value.to_bytes(size, "big")


def signed(value, size):
    return whole(0x50, value, size)


def unsigned(value, size):
    return whole(0x60, value, size)


def many(elements):
    n = len(elements)
    head = bytes((0x70 | n,)) if n < 16 else bytes((0xF0 | n >> 4, n & 15))
    return head + b"".join(elements)


def entry(name, value, unit=KWH, scaler=-1, status=b"\x01", time=b"\x01"):
    return many(
        [
            octets(bytes(name) + b"\xff"),
            status,
            time,
            unsigned(unit, 1) if unit else b"\x01",
            signed(scaler, 1),
            value,
            b"\x01",
        ]
    )


def message(number, tag, body):
    parts = octets(b"\x00" + bytes((number,))) + unsigned(0, 1) + unsigned(0, 1)
    out = b"\x76" + parts + many([unsigned(tag, 2), body])
    return out + unsigned(x25(out, 0, len(out)), 2) + b"\x00"


def values_list(entries, server=SERVER, time=b"\x01"):
    name = octets(b"\x01\x00\x62\x0a\xff\xff")
    return many([b"\x01", octets(server), name, time, many(entries), b"\x01", b"\x01"])


def telegram(entries, server=SERVER, time=b"\x01", crc=x25, more=()):
    entries = list(entries)
    entries.extend(more)
    opening = many([b"\x01", b"\x01", octets(b"\x07"), octets(server), b"\x01", b"\x01"])
    body = message(1, 0x0101, opening)
    body += message(2, 0x0701, values_list(entries, server, time))
    body += message(3, 0x0201, many([b"\x01"]))
    return framed(body, crc)


def framed(body, crc=x25):
    fill = -len(body) % 4
    out = ESCAPE + b"\x01\x01\x01\x01" + body.replace(ESCAPE, ESCAPE + ESCAPE) + bytes(fill)
    out += ESCAPE + bytes((0x1A, fill))
    return out + crc(out, 0, len(out)).to_bytes(2, "big" if crc is kermit else "little")


ENTRIES = [
    entry((1, 0, 96, 50, 1), octets(b"TST"), unit=None, scaler=0),
    entry((1, 0, 1, 8, 0), unsigned(123456789, 5), status=unsigned(0x1C0104, 4)),
    entry((1, 0, 2, 8, 0), unsigned(77, 1)),
    entry((1, 0, 16, 7, 0), signed(-78851, 3), unit=W, scaler=-2),
]


def scan(data):
    return Sml().scan(bytearray(data), 0, len(data))


def read(data):
    n, outcome = scan(data)
    assert n == len(data), outcome
    assert outcome[0] == "sml"
    return messages.decode(outcome[1], Receiver())


def rejected(payload):
    try:
        messages.decode(payload, Receiver())
    except Rejected as e:
        return e.kind
    raise AssertionError("it became a reading")


def test_values_units_and_codes():
    reading = read(telegram(ENTRIES))
    assert reading.values == {"1.8.0": (123456789, -1), "2.8.0": (77, -1), "16.7.0": (-78851, -2)}
    assert reading.units == {"1.8.0": "Wh", "2.8.0": "Wh", "16.7.0": "W"}
    assert reading.codes["1.8.0"] == "1-0:1.8.0"
    assert reading.meter == "1TST0012345678"
    assert reading.time is None
    assert reading.auth == "none"


def test_a_server_that_is_no_meter_number_is_spelled_in_hex():
    assert read(telegram(ENTRIES, server=b"\x06TST\x01\x02\x03")).meter == "06545354010203"


def test_numbers_of_every_width():
    for size in range(1, 9):
        top = (1 << 8 * size) - 1
        reading = read(telegram([entry((1, 0, 1, 8, 0), unsigned(top, size), unit=None)]))
        assert reading.values["1.8.0"] == (top, -1)
        low = -(1 << 8 * size - 1)
        for value in (low, -1, 0, -low - 1):
            reading = read(telegram([entry((1, 0, 16, 7, 0), signed(value, size), None, 0)]))
            assert reading.values["16.7.0"] == (value, 0)


def test_more_than_fifteen_values_and_long_text():
    entries = [entry((1, 0, 1, 8, n), unsigned(n, 4)) for n in range(20)]
    entries.append(entry((129, 129, 199, 130, 5), octets(bytes(48)), unit=None))
    reading = read(telegram(entries))
    assert len(reading.values) == 20
    assert reading.values["1.8.19"] == (19, -1)


def test_stored_values_and_values_left_out_are_no_values():
    stored = entry((1, 0, 1, 8, 0), unsigned(5, 4)).replace(b"\x08\x00\xff", b"\x08\x00\x60")
    reading = read(telegram(ENTRIES, more=[stored, entry((1, 0, 36, 7, 0), b"\x01", W)]))
    assert reading.values["1.8.0"] == (123456789, -1)
    assert "36.7.0" not in reading.values


def test_time_of_the_list():
    index = many([unsigned(1, 1), unsigned(1234567, 4)])
    assert read(telegram(ENTRIES, time=index)).time is None
    assert read(telegram(ENTRIES, time=unsigned(1234567, 4))).time is None
    stamp = unsigned(1795379405, 4)
    reading = read(telegram(ENTRIES, time=many([unsigned(2, 1), stamp])))
    assert (reading.time, reading.clock) == ("2026-11-22T20:30:05Z", "meter")
    for zone, summer, text in (
        (60, 0, "2026-11-22T21:30:05+01:00"),
        (60, 60, "2026-11-22T22:30:05+02:00"),
        (-210, 0, "2026-11-22T17:00:05-03:30"),
    ):
        local = many([stamp, signed(zone, 2), signed(summer, 2)])
        assert read(telegram(ENTRIES, time=many([unsigned(3, 1), local]))).time == text
    never_set = many([unsigned(2, 1), unsigned(3600, 4)])
    assert read(telegram(ENTRIES, time=never_set)).time is None


def test_leap_days_and_ends_of_years():
    for seconds, text in (
        (1709164800, "2024-02-29T00:00:00Z"),
        (1709251199, "2024-02-29T23:59:59Z"),
        (1709251200, "2024-03-01T00:00:00Z"),
        (1735689599, "2024-12-31T23:59:59Z"),
        (1735689600, "2025-01-01T00:00:00Z"),
        (1262304000, "2010-01-01T00:00:00Z"),
        (4102444799, "2099-12-31T23:59:59Z"),
    ):
        time = many([unsigned(2, 1), unsigned(seconds, 4)])
        assert read(telegram(ENTRIES, time=time)).time == text


def test_dzg_meters_that_send_positive_power_without_a_sign():
    export = entry((1, 0, 2, 8, 0), unsigned(77, 4), 30, -1)

    def power(serial, value, before=(export,)):
        server = b"\x0a\x01DZG\x00" + serial.to_bytes(4, "big")
        entries = list(before) + [entry((1, 0, 16, 7, 0), value, W, -2)]
        return read(telegram(entries, server)).values["16.7.0"]

    short = b"\x53\x8b\x28"  # 35624 meant, -29912 said
    assert power(42082910, short) == (35624, -2)
    assert power(55000000, short) == (35624, -2)
    assert power(60694612, short) == (-29912, -2)
    assert power(40051478, short) == (-29912, -2)
    assert power(42082910, signed(-29912, 4)) == (-29912, -2)
    assert power(50012345, short) == (-29912, -2)
    assert power(50012345, short, ()) == (35624, -2)  # that counts no export
    assert power(60694612, short, ()) == (-29912, -2)


def test_dzg_meters_whose_status_says_that_energy_flows_out():
    receiver = Receiver()

    def power(value, status, serial=42095211, more=()):
        server = b"\x0a\x01DZG\x00" + serial.to_bytes(4, "big")
        entries = [entry((1, 0, 1, 8, 0), unsigned(77, 4), status=unsigned(status, 3))] + list(more)
        entries.append(entry((1, 0, 16, 7, 0), value, W, -2))
        return receiver.feed(telegram(entries, server))[0].values["16.7.0"]

    into, out = 0x1C7104, 0x1C7904
    export = entry((1, 0, 2, 8, 0), unsigned(77, 4))
    for _ in range(4):  # kept as a layout from the third on
        assert power(b"\x53\xed\xb4", out) == (-4684, -2)
        assert power(b"\x53\xed\xb4", into) == (60852, -2)
        assert power(b"\x54\xff\x6a\x48", out) == (-38328, -2)
        assert power(b"\x53\xed\xb4", out, 40221297) == (-4684, -2)
        assert power(b"\x53\x12\x4c", out) == (-4684, -2)
        assert power(b"\x53\xed\xb4", out, more=(export,)) == (-4684, -2)


def test_power_whose_sign_is_in_the_status():
    def power(status, name=(1, 0, 15, 7, 0), energy=(1, 0, 1, 8, 0), value=1266):
        receiver = Receiver()
        entries = [entry(energy, unsigned(77, 4), status=status)]
        entries.append(entry(name, signed(value, 4), unit=W))
        found = []
        for _ in range(4):  # kept as a layout from the third on
            found += receiver.feed(telegram(entries))
        assert [one.values for one in found] == [found[0].values] * 4
        assert found[3].units.get("16.7.0", "W") == "W"
        return found[3].values.get("16.7.0")

    out, into = (-1266, -1), (1266, -1)
    assert power(unsigned(0x0182, 2)) == power(unsigned(0x82, 1)) == into
    assert power(unsigned(0x01B0, 2)) == power(unsigned(0xA2, 1)) == out
    assert power(unsigned(0xA2, 1), energy=(1, 0, 2, 8, 0)) == out
    assert power(unsigned(0x1C0104, 3)) == into
    assert power(unsigned(0x1C2904, 4)) == out
    for status in (b"\x01", unsigned(0x010100, 3), unsigned(4, 1), octets(b"\xa2")):
        assert power(status) is None
    both = (1, 0, 16, 7, 0)
    assert power(unsigned(0x1D4904, 4), both) == out
    assert power(unsigned(0x1D4904, 4), both, value=-1266) == out
    for status in (b"\x01", unsigned(0xA2, 1), unsigned(0x1C2104, 4)):
        assert power(status, both) == into
        assert power(status, both, value=-1266) == out


def test_kermit_sum_of_some_meters():
    assert read(telegram(ENTRIES, crc=kermit)).values["2.8.0"] == (77, -1)


def test_escaped_bytes():
    for text in (ESCAPE, ESCAPE + b"\x1b", ESCAPE + ESCAPE, b"\x1b\x1b\x1b", b"x" + ESCAPE + b"y"):
        data = telegram(ENTRIES, more=[entry((1, 0, 96, 1, 0), octets(text), None)])
        n, outcome = scan(data)
        assert n == len(data)
        assert octets(text) in outcome[1]
        assert messages.decode(outcome[1], Receiver()).values["2.8.0"] == (77, -1)


def test_a_telegram_grows_until_it_is_whole():
    data = telegram(ENTRIES)
    for n in range(1, len(data)):
        assert scan(data[:n]) == (0, None), n
    assert scan(data + b"\x1b\x1b")[0] == len(data)


def test_what_is_no_start():
    assert scan(b"\x1b\x1b\x00") == (-1, None)
    assert scan(ESCAPE + b"\x01\x01\x01\x02") == (-1, None)
    assert scan(b"\x1b" + ESCAPE + b"\x01\x01\x01") == (-1, None)


def test_every_flipped_bit_is_noticed():
    data = telegram(ENTRIES)
    for i in range(8, len(data)):
        for bit in range(8):
            bad = bytearray(data)
            bad[i] ^= 1 << bit
            n, outcome = scan(bad)
            assert not isinstance(outcome, tuple), (i, bit)
            assert n <= 1 or isinstance(outcome, Fault), (i, bit)


def test_a_wrong_sum_costs_one_byte():
    data = bytearray(telegram(ENTRIES))
    data[-1] ^= 1
    n, fault = scan(data)
    assert (n, fault.kind) == (1, CHECKSUM)


def test_a_telegram_cut_short_gives_way_to_the_next():
    data = telegram(ENTRIES)
    for cut in (8, 40, len(data) - 8):
        n, fault = scan(data[:cut] + data)
        assert (n, fault.kind) == (cut, LENGTH)


def test_garbage_is_held_up_to_a_bound():
    n, fault = scan(telegram(ENTRIES)[:100] + bytes(Sml.MAX))
    assert (n, fault.kind) == (1, LENGTH)


def test_messages_that_are_not_whole_or_no_messages():
    payload = scan(telegram(ENTRIES))[1][1]
    closing = len(message(3, 0x0201, many([b"\x01"]))) + 3
    kinds = {rejected(payload[:n]) for n in range(len(payload) - closing)}
    assert kinds <= {LENGTH, LAYOUT}
    assert rejected(b"") == LAYOUT
    assert rejected(b"\x76") == LENGTH
    assert rejected(b"\x76\xff\xff\xff\xff\xff") in (LENGTH, LAYOUT)
    assert rejected(message(1, 0x0101, b"\x01")) == LAYOUT
    assert rejected(b"\x76" + b"\x7f" * 2000) == LENGTH


def test_a_scale_that_cannot_be():
    body = message(2, 0x0701, values_list([entry((1, 0, 1, 8, 0), unsigned(5, 4), scaler=-100)]))
    assert rejected(body) == VALUE
