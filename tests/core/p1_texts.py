"""P1 telegrams to test with, and what becomes of them."""

from smartmeter import Reading, Receiver
from smartmeter.checks.crc import arc

HEAD = "/TST5\\253710000_A\r\n\r\n"
LINES = (
    "1-3:0.2.8(50)",
    "0-0:1.0.0(260703140005S)",
    "0-0:96.1.1(5453543030303030303031)",
    "1-0:1.8.1(000301.548*kWh)",
    "1-0:1.8.2(000270.014*kWh)",
    "1-0:2.8.1(000000.005*kWh)",
    "1-0:2.8.2(000000.000*kWh)",
    "0-0:96.14.0(0001)",
    "1-0:1.7.0(00.338*kW)",
    "1-0:2.7.0(00.000*kW)",
    "1-0:32.7.0(232.9*V)",
    "1-0:31.7.0(000.27*A)",
    "0-0:96.13.0()",
    "0-1:24.1.0(003)",
    "0-1:96.1.1(37464C4F32313233303838303237)",
    "0-1:24.2.3(260703140002S)(00092.287*m3)",
    "0-2:24.2.1(260703140002S)(00008.579*m3)",
    "0-3:24.2.1(632525252525S)(00000.000)",
)
VALUES = {
    "1.8.0": (571562, 0),
    "1.8.1": (301548, 0),
    "1.8.2": (270014, 0),
    "2.8.0": (5, 0),
    "2.8.1": (5, 0),
    "2.8.2": (0, 0),
    "1.7.0": (338, 0),
    "2.7.0": (0, 0),
    "16.7.0": (338, 0),
    "32.7.0": (2329, -1),
    "31.7.0": (27, -2),
    "24.2.3": (92287, -3),
    "0-2:24.2.1": (8579, -3),
    "96.14.0": (1, 0),
}


def telegram(lines=LINES, form="!%04X\r\n", head=HEAD):
    text = (head + "".join([line + "\r\n" for line in lines]) + "!").encode("latin-1")
    return text + (form % arc(text, 0, len(text)) if "%" in form else form).encode()[1:]


def events(data, pieces=0, **settings):
    receiver = Receiver(**settings)
    out = []
    step = pieces or len(data)
    for i in range(0, len(data), step):
        out.extend(receiver.feed(data[i : i + step]))
    out.extend(receiver.flush())
    return out


def reading(data, **settings):
    found = events(data, **settings)
    assert len(found) == 1, found
    assert isinstance(found[0], Reading), found
    return found[0]


def fault(data, **settings):
    found = events(data, **settings)
    assert len(found) == 1, found
    assert not isinstance(found[0], Reading), found
    return found[0].kind


def one(line, **settings):
    """The value and unit of a single data line; None if it gives none."""
    got = reading(telegram([line, "1-0:82.8.0(1*Wh)"]), **settings)
    del got.values["82.8.0"]
    assert len(got.values) < 2, got.values
    for key in got.values:
        return key, got.values[key], got.units[key]


def extra(lines, **settings):
    """The fourth reading of a Receiver that makes texts; from the third on a layout is kept."""
    receiver = Receiver(**settings)
    receiver.extras = True
    for _ in range(4):
        got = receiver.feed(telegram(lines))[0]
    assert isinstance(got, Reading), got
    return got
