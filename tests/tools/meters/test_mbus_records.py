"""AMIS and polled M-Bus meters: their records, read by the tables of EN 13757-3."""

from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from tools.meters import forms
from tools.meters.household import Household

WINTER = datetime(2026, 11, 22, 21, 10, 5, tzinfo=UTC)
SUMMER = datetime(2026, 7, 15, 11, 0, 0, tzinfo=UTC)
HOUSES = {"consumer": Household(4), "feeding in": Household(3, pv=True)}

SIZES = {1: 1, 2: 2, 3: 3, 4: 4, 6: 6, 9: 1, 10: 2, 11: 3, 12: 4, 14: 6}


def unframe(wire):
    size = wire[1]
    assert wire[0] == wire[3] == 0x68
    assert wire[2] == size == len(wire) - 6
    assert wire[-2] == sum(wire[4:-2]) % 256
    assert wire[-1] == 0x16
    return wire[4:-2]


def records(data):
    """[(DIF and its extensions, VIF and its extensions, data)], fillers left out."""
    at, found = 0, []
    while at < len(data):
        if data[at] == 0x2F:
            at += 1
            continue
        heads = []
        for _ in range(2):
            begin = at
            while data[at] & 0x80:
                at += 1
            at += 1
            heads.append(data[begin:at].hex())
        size = SIZES[int(heads[0][:2], 16) & 0x0F]
        found.append((*heads, data[at : at + size]))
        at += size
    assert at == len(data)
    return found


def decipher(meter, wire):
    """The ten records of an AMIS telegram, from the specification's initialization vector."""
    content = unframe(wire)
    access = content[11]
    vector = bytes.fromhex("2d4c00000000010e") + bytes((access,)) * 8
    decryptor = Cipher(algorithms.AES(meter.key), modes.CBC(vector)).decryptor()
    plain = decryptor.update(content[15:]) + decryptor.finalize()
    assert plain[:2] == plain[-2:] == b"\x2f\x2f"
    return plain


@pytest.mark.parametrize("house", HOUSES)
@pytest.mark.parametrize("now", [WINTER, SUMMER], ids=["winter", "summer"])
def test_amis_says_what_was_put_in(house, now):
    meter = forms.make("amis", HOUSES[house])
    wire, truth = meter.telegram(now)
    assert len(wire) == 101
    assert unframe(wire)[:11].hex() in (
        "53f05b000000002d4c010e",
        "73f05b000000002d4c010e",
    )
    assert unframe(wire)[12:15] == b"\x00\x50\x05"
    names = {
        ("04", "03"): "1.8.0",
        ("04", "833c"): "2.8.0",
        ("8410", "fb8273"): "3.8.1",
        ("8410", "fb82f33c"): "4.8.1",
        ("04", "2b"): "1.7.0",
        ("04", "ab3c"): "2.7.0",
        ("04", "fb14"): "3.7.0",
        ("04", "fb943c"): "4.7.0",
    }
    clock, *listed, balance = records(decipher(meter, wire))
    assert balance == ("04", "83ff04", bytes(4))
    read = {names[dif, vif]: int.from_bytes(data, "little") for dif, vif, data in listed}
    assert read == truth["values"]
    assert clock[:2] == ("06", "6d")
    second, minute, hour, day, month, week = clock[2]
    told = datetime.fromisoformat(truth["time"])
    assert (second & 0x3F, minute, hour & 0x1F, hour >> 5) == (
        told.second,
        told.minute,
        told.hour,
        told.isoweekday(),
    )
    assert (day & 0x1F, month & 0x0F, week) == (told.day, told.month, told.isocalendar().week)
    assert (day >> 5) + (month >> 4) * 8 == 26
    assert bool(second & 0x40) == (now is SUMMER)
    assert told == now


# VIF -> (C.D.E, power of ten) by the tables of EN 13757-3: energy E000 0nnn, power E010 1nnn,
# FD: voltage E100 nnnn and current E101 nnnn, FB: frequency E010 11nn; 3C counts export
MEANING = {
    "mbus-polled": {
        ("04", "03"): ("1.8.0", 0),
        ("04", "833c"): ("2.8.0", 0),
        ("04", "2b"): ("1.7.0", 0),
        ("04", "ab3c"): ("2.7.0", 0),
        ("02", "fdc8fc01"): ("32.7.0", -1),
        ("02", "fdc8fc02"): ("52.7.0", -1),
        ("02", "fdc8fc03"): ("72.7.0", -1),
        ("04", "fdd9fc01"): ("31.7.0", -3),
        ("04", "fdd9fc02"): ("51.7.0", -3),
        ("04", "fdd9fc03"): ("71.7.0", -3),
        ("04", "abfc01"): ("21.7.0", 0),
        ("04", "abfc02"): ("41.7.0", 0),
        ("04", "abfc03"): ("61.7.0", 0),
        ("02", "fb2d"): ("14.7.0", -2),
    },
    "mbus-polled-tariffs": {
        ("8c10", "04"): ("1.8.1", 1),
        ("8c20", "04"): ("1.8.2", 1),
        ("02", "fdc9ff01"): ("32.7.0", 0),
        ("02", "fdc9ff02"): ("52.7.0", 0),
        ("02", "fdc9ff03"): ("72.7.0", 0),
        ("02", "fddbff01"): ("31.7.0", -1),
        ("02", "fddbff02"): ("51.7.0", -1),
        ("02", "fddbff03"): ("71.7.0", -1),
        ("02", "acff01"): ("36.7.0", 1),
        ("02", "acff02"): ("56.7.0", 1),
        ("02", "acff03"): ("76.7.0", 1),
        ("02", "acff00"): ("16.7.0", 1),
    },
}


@pytest.mark.parametrize("house", HOUSES)
@pytest.mark.parametrize("name", MEANING)
def test_a_polled_meter_says_what_was_put_in(name, house):
    wire, truth = forms.make(name, HOUSES[house]).telegram(SUMMER)
    content = unframe(wire)
    assert content[:3] == b"\x08\x01\x72"
    assert content[10] == 0x02
    assert content[13:15] == b"\0\0"
    read = {}
    for dif, vif, data in records(content[15:]):
        if vif == "6d":
            assert data == bytes((0, 13 | 0x80, 15 | (26 & 7) << 5, 7 | 26 >> 3 << 4))
            assert truth["time"] == "2026-07-15T13:00:00+02:00"
            continue
        key, exponent = MEANING[name][dif, vif]
        decimal = int(dif[:2], 16) & 0x08
        binary = int.from_bytes(data, "little", signed=True)
        number = int(data[::-1].hex()) if decimal else binary
        read[key] = float(f"{number}e{exponent}")
    assert read == truth["values"]
