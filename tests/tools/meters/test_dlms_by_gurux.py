"""What the DLMS meters send, read by Gurux.DLMS, is what they put in."""

import contextlib
import io
from datetime import UTC, datetime, timedelta

import pytest
from gurux_dlms import GXByteBuffer, GXReplyData
from gurux_dlms.enums import Authentication, InterfaceType, Security
from gurux_dlms.secure import GXDLMSSecureClient

from tools.meters import forms
from tools.meters.dlms import DlmsForm
from tools.meters.household import Household

WINTER = datetime(2026, 11, 22, 21, 10, 5, tzinfo=UTC)
SUMMER = datetime(2026, 7, 15, 11, 0, 0, tzinfo=UTC)
INTERFACE = {
    "mbus": InterfaceType.WIRED_MBUS,
    "hdlc": InterfaceType.HDLC,
    "gbt": InterfaceType.HDLC,
    "apdu": InterfaceType.PDU,
    "wrapper": InterfaceType.WRAPPER,
}
# Gurux only reads A-XDR, and these lists are not: they have untagged codes
READABLE = [name for name, form in forms.FORMS.items() if isinstance(form, DlmsForm)]
READABLE.remove("egd-rs485")
READABLE.remove("apdu-ded")  # Gurux wants an association before it knows a dedicated key
READABLE.remove("sagemcom-t210-old")  # an M-Bus frame longer than its length field can say
# Gurux knows neither the control field 10 nor a date-time of 09 0C; the lists it can read
VARIED = {
    "kaifa-no": {"control": 0x13, "time_form": "plain"},
    "kaifa-se": {"control": 0x13},
}
HOUSES = {
    "consumer": Household(4),
    "feeding in": Household(3, pv=True),
    "one phase": Household(5, pv=True, phases=1),
}


def gurux(meter, wire):
    """The data-notification Gurux makes of a telegram: (its time, its value)."""
    form = meter.form
    client = GXDLMSSecureClient(True, 1, 1, Authentication.NONE, None, INTERFACE[form.link])
    client.ciphering.systemTitle = b"ABCDEFGH"
    if form.ciphered:
        client.ciphering.security = Security.AUTHENTICATION_ENCRYPTION
        client.ciphering.blockCipherKey = meter.key
        client.ciphering.authenticationKey = meter.auth_key
    reply, notify, data = GXReplyData(), GXReplyData(), GXByteBuffer(wire)
    rest = 2 if form.link == "mbus" else 0  # it leaves a frame's checksum and stop unread
    frames = 0
    with contextlib.redirect_stdout(io.StringIO()):  # it prints that encryption is applied
        while data.position + rest < data.size:
            if frames:
                data.position += rest
            client.getData(data, reply, notify)
            frames += 1
            assert frames < 50, "Gurux makes no headway"
    return notify.time, notify.value


def code(octets):
    return ".".join(str(byte) for byte in octets[2:5])


def is_code(value):
    return isinstance(value, (bytes, bytearray)) and len(value) == 6 and value[5] == 255


def scaled(number, exponent):
    return float(f"{number}e{exponent}")


def entries(form, items, value):
    """{"C.D.E": number} of the list as Gurux gives it, by the letter of its layout."""
    exponents = {item.key: item.exponent for item in items if item.is_quantity}
    read = {}
    if form.layout == "d":
        described = [code(entry[1]) for entry in value[0]]
        assert len(described) == len(value)
        read = {
            key: scaled(number, exponents[key])
            for key, number in zip(described[1:], value[1:], strict=True)
            if isinstance(number, int)
        }
    elif form.layout == "e":
        assert len(value) == len(items)
        read = {
            item.key: scaled(number, item.exponent)
            for item, number in zip(items, value, strict=True)
            if item.is_quantity
        }
    else:
        flat = []
        for part in value:
            nested = isinstance(part, list) and part and is_code(part[0])
            flat += list(part) if nested else [part]
        for at, part in enumerate(flat[:-1]):
            if is_code(part) and isinstance(flat[at + 1], int) and code(part) in exponents:
                exponent = exponents[code(part)]
                if form.layout != "c":
                    exponent, _ = flat[at + 2]
                read[code(part)] = scaled(flat[at + 1], exponent)
    return read


def check(meter, now):
    wire, truth = meter.telegram(now)
    time, value = gurux(meter, wire)
    items = meter.form.due(type("Moment", (), {"now": now}))
    assert entries(meter.form, items, value) == truth["values"]
    assert truth["values"]
    return time, truth


@pytest.mark.parametrize("house", HOUSES)
@pytest.mark.parametrize(
    ("name", "listed"),
    [(name, listed) for name in READABLE for listed in forms.FORMS[name].lists],
)
def test_every_list_says_what_was_put_in(name, listed, house):
    for now in (WINTER, SUMMER):
        check(forms.make(name, HOUSES[house], list=listed, **VARIED.get(name, {})), now)


@pytest.mark.parametrize("name", [n for n in READABLE if forms.FORMS[n].time_form != "null"])
@pytest.mark.parametrize("now", [WINTER, SUMMER], ids=["winter", "summer"])
def test_the_clock_is_the_moment(name, now):
    meter = forms.make(name, HOUSES["consumer"], **VARIED.get(name, {}))
    time, truth = check(meter, now)
    told = datetime.fromisoformat(truth["time"])
    assert told == now
    wall = time.value if meter.form.zoned else time.value.replace(tzinfo=told.tzinfo)
    # Gurux takes the deviation off where there is one; the wall's time it leaves alone
    assert abs(wall.replace(tzinfo=wall.tzinfo or UTC) - now) < timedelta(seconds=1) or (
        wall.replace(tzinfo=told.tzinfo) == now
    )


@pytest.mark.parametrize("security", [0x10, 0x20, 0x21, 0x30, 0x31])
@pytest.mark.parametrize("name", ["kaifa-ma309", "landis-gyr-e450", "kamstrup-dk", "apdu-glo"])
def test_every_security_control(name, security):
    meter = forms.make(name, HOUSES["feeding in"], security=security)
    check(meter, WINTER)
    assert meter.form.tagged == bool(security & 0x10)


@pytest.mark.parametrize("ber", ["82", "84"])
def test_other_forms_of_lengths(ber):
    check(forms.make("kaifa-ma309", HOUSES["consumer"], ber=ber), WINTER)


def test_a_dedicated_key_is_a_matter_of_the_first_byte():
    glo, ded = (
        forms.make("apdu-glo", HOUSES["consumer"], ded=ded).telegram(WINTER)[0]
        for ded in (False, True)
    )
    assert (glo[0], ded[0]) == (0xDB, 0xDF)
    assert glo[1:] == ded[1:]


@pytest.mark.parametrize("time_form", ["null", "plain"])
def test_other_date_times(time_form):
    check(forms.make("kaifa-noe", HOUSES["consumer"], time_form=time_form), WINTER)


@pytest.mark.parametrize("sizes", [(30,), (119, 122), (64, 1, 200)])
def test_any_number_of_blocks(sizes):
    check(forms.make("landis-gyr-e450", HOUSES["consumer"], block_bytes=sizes), WINTER)


@pytest.mark.parametrize("info", [60, 100, 154, 2000])
def test_any_number_of_segments(info):
    check(forms.make("kamstrup-dk", HOUSES["consumer"], info_bytes=info), WINTER)
