"""A Receiver that has kept a meter's layout reads every payload as one that sees it first."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from smartmeter import Receiver
from smartmeter.context import Context
from smartmeter.datalines import decode as datalines
from smartmeter.dlms import apdu
from smartmeter.fault import Rejected
from smartmeter.link.p1 import P1
from smartmeter.link.sml import Sml
from smartmeter.reading import Reading
from smartmeter.sml import decode as sml
from smartmeter.tariffs import withheld

from tools.meters import forms
from tools.meters.household import Household

_LISTS = (
    "aidon-no",
    "iskra-am550-ch",
    "kaifa-ma309",
    "kaifa-no",
    "kamstrup-no",
    "landis-gyr-e450",
    "landis-gyr-e450-burgenland",
    "landis-gyr-e450-si",
    "siemens-im350",
)
_FORMS = (
    "sml",
    "sml-emh",
    "sml-easymeter",
    "sml-odd-widths",
    "sml-dzg",
    "dsmr-2.2",
    "dsmr-5",
    "emucs",
    "p1-denmark",
    "p1-hungary",
    "p1-slovenia",
    *_LISTS,
)
_MUTANTS = 120
_BEGIN = datetime(2026, 11, 22, 20, 10, 5, tzinfo=UTC)

Decode = Callable[[bytes, Context], Reading]


def _payloads(name: str) -> tuple[Decode, list[bytes]]:
    """What reads the payloads of a form, and four of them."""
    meter = forms.make(name, Household(seed=3))
    wires = [meter.telegram(_BEGIN + timedelta(hours=5 * n))[0] for n in range(4)]
    if name in _LISTS:
        receiver = Receiver(
            meter.key if meter.form.ciphered else None,
            meter.auth_key if meter.form.tagged else None,
        )
        readings = [event for wire in wires for event in receiver.feed(wire)]
        guarded = meter.form.link == "hdlc"

        def decode_list(payload: bytes, ctx: Context) -> Reading:
            ctx.guarded = guarded
            return apdu.decode(payload, ctx)

        return (
            decode_list,
            [bytes(reading.payload) for reading in readings if isinstance(reading, Reading)],
        )
    found = []
    for wire in wires:
        link = Sml() if wire[0] == 0x1B else P1()
        _, outcome = link.scan(bytearray(wire), 0, len(wire))
        assert isinstance(outcome, tuple)
        found.append(outcome[1])
    decode = {
        "sml": sml.decode,
        "text": datalines.decode_checked,
        "text-unchecked": datalines.decode_unchecked,
    }[outcome[0]]
    return decode, found


def _told(decode: Decode, payload: bytes, ctx: Context) -> object:
    try:
        reading = decode(payload, ctx)
    except Rejected as why:
        return why.kind, why.detail
    return {name: getattr(reading, name) for name in Reading.__slots__}


def _mutant(payload: bytes, random: Random) -> bytes:
    """A few bytes changed, mostly a digit to a digit: what a changed value looks like."""
    data = bytearray(payload)
    for _ in range(random.choice((1, 1, 1, 2, 8))):
        at = random.randrange(len(data))
        if data[at] in b"0123456789" and random.random() < 0.8:
            data[at] = random.choice(b"0123456789")
        elif random.random() < 0.3:
            data[at] ^= 1 << random.randrange(8)
        else:
            data[at] = random.choice((0, 0xFF, 0x7F, 0x80, random.randrange(256)))
    return bytes(data)


@pytest.mark.parametrize("name", _FORMS)
def test_what_was_kept_changes_nothing(name: str) -> None:
    decode, payloads = _payloads(name)
    random = Random(name)
    ctx = Receiver()
    for _ in range(_MUTANTS):
        for payload in payloads[:3]:  # the third is read with what the second one left
            _told(decode, payload, ctx)
        payload = _mutant(random.choice(payloads), random)
        assert _told(decode, payload, ctx) == _told(decode, payload, Receiver()), payload
    assert _told(decode, payloads[3], ctx) == _told(decode, payloads[3], Receiver())


@pytest.mark.parametrize("name", _FORMS)
def test_a_layout_seen_twice_is_kept(name: str) -> None:
    decode, payloads = _payloads(name)
    ctx = Receiver()
    decode(payloads[0], ctx)
    decode(payloads[0], ctx)
    plans = [plan for plan in ctx.plans.values() if plan]
    assert [type(plan.read(payloads[0])) for plan in plans] == [Reading]
    stamped = (
        bytes(payloads[0]).replace(b"kWh", b"kXh").replace(b"\x07\x01\x00\x01", b"\x07\x01\x00\x03")
    )
    assert _told(decode, stamped, ctx) == _told(decode, stamped, Receiver())


def test_a_third_tariff_that_begins_to_count() -> None:
    """It is part of the total from its first Wh, and a text without it has no total."""
    two = b"/TST5x\r\n\r\n1-0:1.8.1(000001.000*kWh)\r\n1-0:1.8.2(000002.000*kWh)\r\n"
    text = two + b"1-0:1.8.3(%b*kWh)\r\n"
    ctx = Receiver()
    for _ in range(3):
        reading = datalines.decode_checked(text % b"000000.000", ctx)
        assert reading.values["1.8.0"] == (3000, 0)
    assert datalines.decode_checked(text % b"000004.000", ctx).values["1.8.0"] == (7000, 0)
    for _ in range(4):
        assert "1.8.0" not in datalines.decode_checked(two, ctx).values
        assert withheld(ctx.rows)
        reading = datalines.decode_checked(text % b"000005.000", ctx)
        assert reading.values["1.8.0"] == (8000, 0)
        assert not withheld(ctx.rows)


def test_a_total_of_tariffs_with_unequal_digits_stays_exact() -> None:
    text = b"/TST5x\r\n\r\n1-0:1.8.1(000001.0*kWh)\r\n1-0:1.8.2(000002*kWh)\r\n"
    text += b"1-0:1.8.3(00000%d.0004*kWh)\r\n"
    ctx = Receiver()
    for n in range(5):
        reading = datalines.decode_checked(text % n, ctx)
        assert reading.values["1.8.0"] == (30004 + 10000 * n, -1)
