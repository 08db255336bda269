"""Lists whose rows hold more than a code and its value, in whatever order; none misread."""

from smartmeter import Reading
from telegrams import (
    CLOCK,
    TIME,
    array,
    be,
    obis,
    octets,
    only,
    scaler_unit,
    structure,
    u16,
    u32,
)

ROWS = (
    ("1-0:1.7.0", 133, 0, 27),
    ("1-0:2.7.0", 0, 0, 27),
    ("1-0:1.8.0", 1136784, 0, 30),
    ("1-0:2.8.0", 17, 0, 30),
    ("1-0:32.7.0", 2301, -1, 35),
)
VALUES = {
    "1.7.0": (133, 0),
    "2.7.0": (0, 0),
    "16.7.0": (133, 0),
    "1.8.0": (1136784, 0),
    "2.8.0": (17, 0),
    "32.7.0": (2301, -1),
}
REGISTER = u16(3)
ATTRIBUTE = b"\x0f\x02"


def i8(n):
    return b"\x0f" + be(n, 1)


def enum(n):
    return b"\x16" + be(n, 1)


def listed(row, rows=ROWS, wrap=array):
    return wrap(
        *[structure(*row(obis(code), u32(n), scale, unit)) for code, n, scale, unit in rows]
    )


def test_every_order_of_a_row_says_the_same():
    orders = (
        lambda code, n, scale, unit: (REGISTER, code, ATTRIBUTE, n),
        lambda code, n, scale, unit: (REGISTER, code, b"\x11\x02", n),
        lambda code, n, scale, unit: (REGISTER, code, i8(scale), n),
        lambda code, n, scale, unit: (REGISTER, code, n, scaler_unit(scale, unit)),
        lambda code, n, scale, unit: (REGISTER, code, ATTRIBUTE, n, scaler_unit(scale, unit)),
        lambda code, n, scale, unit: (REGISTER, code, n),
        lambda code, n, scale, unit: (code, n, i8(scale), enum(unit)),
        lambda code, n, scale, unit: (code, i8(scale), enum(unit), n),
        lambda code, n, scale, unit: (code, scaler_unit(scale, unit), n),
        lambda code, n, scale, unit: (n, REGISTER, scaler_unit(scale, unit), code),
        lambda code, n, scale, unit: (n, scaler_unit(scale, unit), code),
        lambda code, n, scale, unit: (n, code),
    )
    for number, order in enumerate(orders):
        for wrap in (array, structure):
            got = only(listed(order, ROWS, wrap))
            assert isinstance(got, Reading), (number, got)
            assert (got.layers[-1], got.values) == ("layout g", VALUES), number
            assert got.time == TIME


def test_a_class_and_attribute_before_each_value_are_no_descriptors():
    # of some numbers of rows, the last ones pass for the values of the first ones
    for n in range(2, 9):
        rows = (ROWS * 2)[:n]
        got = only(listed(lambda code, n, scale, unit: (REGISTER, code, ATTRIBUTE, n), rows))
        for code, value, scale, _ in rows:
            assert got.values[code[4:]] == (value, scale), n


def test_the_clock_and_the_id_have_rows_as_well():
    got = only(
        structure(
            structure(u16(8), obis("0-0:1.0.0"), ATTRIBUTE, octets(CLOCK)),
            structure(u16(1), obis("0-0:96.1.0"), ATTRIBUTE, octets(b"12345678")),
            *[structure(REGISTER, obis(code), ATTRIBUTE, u32(n)) for code, n, _, _ in ROWS],
        )
    )
    assert (got.meter, got.time, got.values) == ("12345678", TIME, VALUES)


def test_codes_with_tag_and_length_swapped():
    def swapped(code):
        return b"\x06\x09" + code[2:]

    for wrap in (lambda *row: b"".join(row), structure):
        rows = [
            wrap(swapped(obis(code)), u32(n), scaler_unit(scale, unit))
            for code, n, scale, unit in ROWS
        ]
        count = len(ROWS) if wrap is structure else 3 * len(ROWS)
        got = only(b"\x02" + bytes((count,)) + b"".join(rows))
        assert isinstance(got, Reading), got
        assert got.values == VALUES


def test_what_shows_no_order_is_refused():
    def fault(*rows):
        got = only(array(*[structure(*row) for row in rows]))
        assert not isinstance(got, Reading), got.values
        return got.kind

    codes = [obis(code) for code, _, _, _ in ROWS]
    assert fault(*[(code, u32(1), u32(2)) for code in codes]) == "layout"
    assert fault(*[(REGISTER, code, ATTRIBUTE, u16(0), u32(1)) for code in codes]) == "layout"
    # 0 and 2 unsigned: neither attributes nor powers of ten
    assert (
        fault(*[(REGISTER, codes[i], b"\x11" + be(2 * i, 1), u32(1)) for i in (0, 1)]) == "layout"
    )
    assert fault(*[(codes[0],), (codes[1], u32(1), i8(0), enum(27))]) == "layout"
