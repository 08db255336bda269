"""What the SML meters send, read by smllib, is what they put in."""

from datetime import UTC, datetime

import pytest
from smllib import SmlStreamReader

from tools.meters import forms
from tools.meters.household import Household
from tools.meters.sml import SmlForm, integer, transport

WINTER = datetime(2026, 11, 22, 21, 10, 5, tzinfo=UTC)
NOON = datetime(2026, 6, 17, 11, 30, tzinfo=UTC)
NAMES = [name for name, form in forms.FORMS.items() if isinstance(form, SmlForm)]
HOUSES = {"consumer": Household(4), "feeding in": Household(3, pv=True)}


def read(wire, checksum="x25"):
    """{"C.D.E": number} of a telegram, by smllib, and the objects of its messages."""
    reader = SmlStreamReader(crc=checksum)
    reader.add(wire)
    frame = reader.get_frame()
    messages = frame.parse_frame()
    values = {}
    for entry in messages[1].message_body.val_list:
        if entry.unit:
            key = ".".join(str(byte) for byte in bytes.fromhex(entry.obis)[2:5])
            values[key] = float(f"{entry.value}e{entry.scaler}")
    return values, messages


@pytest.mark.parametrize("now", [WINTER, NOON], ids=["night", "noon"])
@pytest.mark.parametrize("house", HOUSES)
@pytest.mark.parametrize("name", [name for name in NAMES if name != "sml-dzg"])
def test_every_form_says_what_was_put_in(name, house, now):
    meter = forms.make(name, HOUSES[house])
    wire, truth = meter.telegram(now)
    values, messages = read(wire, meter.form.checksum)
    assert values == truth["values"]
    assert truth["time"] is None
    assert len(messages) == 3


@pytest.mark.parametrize("integers", ["entry", "short", "wide"])
def test_every_width_of_integers(integers):
    meter = forms.make("sml", HOUSES["feeding in"], integers=integers)
    wire, truth = meter.telegram(NOON)
    assert truth["values"]["16.7.0"] < 0
    assert read(wire)[0] == truth["values"]


def test_odd_widths_occur():
    assert integer(-70_000).hex() == "54feee90"
    assert integer(200).hex() == "5300c8"
    assert integer(1 << 33).hex() == "560200000000"


def test_an_escape_sequence_in_the_list_is_doubled_on_the_wire():
    wire, truth = forms.make("sml", HOUSES["consumer"], escapes=True).telegram(NOON)
    assert wire.count(b"\x1b" * 8) == 1
    values, messages = read(wire)
    assert values == truth["values"]
    assert messages[1].message_body.list_name == "0100620affff1b1b1b1b"


@pytest.mark.parametrize("size", range(12, 20))
def test_fill_bytes_make_a_multiple_of_four(size):
    wire = transport(bytes(size))
    assert len(wire) % 4 == 0
    assert wire[-3] == -size % 4


def test_positive_power_of_the_dzg_reads_as_negative_where_its_first_bit_is_set():
    # smllib knows nothing of that meter's firmware, and so shows what stands on the wire
    meter = forms.make("sml-dzg", HOUSES["feeding in"])
    seen = set()
    for hour in range(24):
        wire, truth = meter.telegram(NOON.replace(hour=hour))
        shown, told = read(wire)[0], truth["values"]
        power = round(told["16.7.0"] * 100)
        width = (power.bit_length() + 7) // 8
        lost = power > 0 and power >> 8 * width - 1
        expected = power - (1 << 8 * width) if lost else power
        seen.add((power < 0, bool(lost)))
        assert round(shown["16.7.0"] * 100) == expected
        assert shown["1.8.0"] == told["1.8.0"]
    assert seen == {(True, False), (False, False), (False, True)}
    serial = int(meter.form.server_id(3)[-4:].hex(), 16)
    assert 42_000_000 <= serial <= 48_999_999
