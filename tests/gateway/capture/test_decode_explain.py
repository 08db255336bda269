"""`decode --explain` and `--redact`: the explanation of a capture."""

import contextlib
import functools
import operator
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from smartmeter import ALLOWED, FAULTS, Fault, Reading, Receiver
from smartmeter.reading import decimal
from smartmeter.receiver import LINKS
from smartmeter_gateway.capture import advice, explain
from smartmeter_gateway.capture.obis_names import name_of
from smartmeter_gateway.cli.main import main

from tools.meters import forms
from tools.meters.dlms import every, octets
from tools.meters.household import Household
from tools.meters.lists import Item

SEED = 7654321
WHEN = datetime(2026, 11, 22, 20, 10, 5, tzinfo=UTC)
Said = Callable[..., tuple[int, str]]


def wire(form: str, **options: Any) -> bytes:
    return forms.make(form, Household(SEED), **options).telegram(WHEN)[0]


def keys(form: str) -> tuple[bytes | None, bytes | None]:
    made = forms.get(form)
    return (
        forms.default_key(form) if made.ciphered else None,
        forms.default_auth_key(form) if made.tagged else None,
    )


@pytest.fixture
def said(tmp_path: Path, capsys: Any, monkeypatch: Any) -> Said:
    """The exit status and what `decode` printed of a capture."""

    def run(
        capture: bytes, *arguments: str, key: bytes | None = None, auth_key: bytes | None = None
    ) -> tuple[int, str]:
        (tmp_path / "capture").write_bytes(capture)
        for variable, value in (("METER_KEY", key), ("METER_AUTH_KEY", auth_key)):
            monkeypatch.delenv(variable, raising=False)
            if value:
                monkeypatch.setenv(variable, value.hex())
        status = main(["decode", str(tmp_path / "capture"), *arguments])
        out, err = capsys.readouterr()
        assert not err
        for value in (key, auth_key):
            assert value is None or value.hex() not in out.lower().replace(" ", "")
        return status, out

    return run


def the_reading(form: str) -> Reading:
    receiver = Receiver(*keys(form))
    (reading,) = receiver.feed(wire(form)) + receiver.flush()
    assert isinstance(reading, Reading)
    return reading


@pytest.mark.parametrize("form", forms.FORMS)
def test_every_meter_is_explained(said: Said, form: str) -> None:
    key, auth_key = keys(form)
    status, text = said(wire(form), "--explain", key=key, auth_key=auth_key)
    assert status == 0
    reading = the_reading(form)
    for code, value in reading.values.items():
        line = rf"^    {re.escape(reading.codes[code])} +{re.escape(decimal(value))}\b"
        assert re.search(line, text, re.MULTILINE), code
    assert reading.meter in text
    assert (reading.time or "none that is certain") in text
    if key and "AES-CBC" not in reading.layers:
        assert "AES-128-GCM, security control" in text
        assert ("verified: the tag matches" in text) == bool(auth_key)
        assert reading.counter is None or f"invocation counter {reading.counter}" in text
    assert "1 reading, 0 faults." in text


@pytest.mark.parametrize("form", forms.FORMS)
def test_every_meter_is_redacted_and_still_a_telegram(said: Said, form: str) -> None:
    key, auth_key = keys(form)
    status, text = said(wire(form), "--redact", key=key, auth_key=auth_key)
    assert status == 0
    number = str(SEED)
    shown = re.sub(r"\s", "", text).lower()
    reading = the_reading(form)
    assert number not in text
    assert number.encode().hex() not in shown  # as text
    assert number.encode().hex().encode().hex() not in shown  # as hexadecimal text
    for size in (4, 5):  # as a binary number, and in a system title
        assert SEED.to_bytes(size, "big").hex() not in shown
    if re.search("[1-9]", reading.meter):
        assert reading.meter not in text
    block = re.findall(r"^    ((?:[0-9a-f]{2})+)$", text, re.MULTILINE)
    receiver = Receiver()
    (again,) = receiver.feed(bytes.fromhex("".join(block))) + receiver.flush()
    assert isinstance(again, Reading), again
    numbers = {code for code in reading.values if code.startswith("0.0.")}
    assert not any(again.values[code][0] for code in numbers)
    kept = reading.values.keys() - numbers
    assert {code: again.values[code] for code in kept} == {c: reading.values[c] for c in kept}
    assert again.codes == reading.codes
    if forms.get(form).zoned:
        assert again.time == reading.time


def test_redacted_hex_can_be_given_to_decode_as_it_was_printed(said: Said) -> None:
    key, auth_key = keys("kamstrup-dk")
    _, text = said(wire("kamstrup-dk"), "--redact", key=key, auth_key=auth_key)
    start = text.index("decode reads these lines\n") + 25
    status, again = said(text[start : text.index("\n\n", start)].encode(), "--explain")
    assert status == 0
    assert "1 reading, 0 faults." in again


# Of a heat meter: its number's code has two groups.
HEAT_METER = "%s(00005012345)\r\n6.8(0433.65*GJ)6.26(03052.95*m3)6.31(0109868*h)!\r\n\x03"


@pytest.mark.parametrize("code", ["0.0", "C.1", "C.1.0", "0.0.0"])
def test_numbers_of_meters_are_explained_and_redacted_under_any_code(said: Said, code: str) -> None:
    block = (HEAT_METER % code).encode()
    capture = b"/KAM MC\r\n\x02" + block + bytes((functools.reduce(operator.xor, block),))
    status, told = said(capture, "--explain")
    assert status == 0
    assert re.search(rf"{re.escape(code)} +00005012345 +number of the meter", told)
    status, told = said(capture, "--redact")
    assert status == 0
    assert "5012345" not in told


PASTED = wire("dsmr-5").decode()


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (PASTED[PASTED.index("\r\n\r\n") + 4 :], "the first line of the telegram is missing"),
        ("# " + PASTED[: PASTED.index("!")], "The last line of the telegram is missing"),
        (PASTED.replace("\\", "").replace("(00", "(01", 1), "has no backslash"),
        ("> " + PASTED.replace("*kWh", "*KWh", 1), "the CRC counts every character"),
    ],
)
def test_what_a_paste_has_lost_is_explained(said: Said, text: str, sentence: str) -> None:
    status, told = said(text.encode(), "--explain")
    assert status == 1
    assert sentence in told
    assert "receive buffer" not in told


def test_on_a_terminal_the_explanation_is_the_default(tmp_path: Path) -> None:
    (tmp_path / "capture").write_bytes(wire("dsmr-5"))
    for arguments, begin in (([], b"Telegram 1:"), (["--json"], b"{")):
        ours, theirs = os.openpty()
        with open(ours, "rb", buffering=0) as shown:
            command = [sys.executable, "-m", "smartmeter_gateway", "decode", "capture", *arguments]
            with subprocess.Popen(command, cwd=tmp_path, stdout=theirs) as decode:
                os.close(theirs)
                first = shown.read(len(begin))
                with contextlib.suppress(OSError):  # Linux's end of a terminal that was closed
                    while shown.read(4096):
                        pass
            assert decode.returncode == 0
        assert first == begin


def test_json_and_an_explanation_at_once_are_refused(capsys: Any) -> None:
    with pytest.raises(SystemExit):
        main(["decode", "-", "--json", "--explain"])
    assert "not allowed with" in capsys.readouterr().err


def test_the_values_of_the_specification_have_names() -> None:
    for code in ALLOWED:
        assert name_of(f"1-0:{code}")
    assert name_of("1-0:1.8.0") == "active energy import (A+), total"
    assert name_of("1-1:52.7.0") == "voltage of L2"
    assert name_of("1-0:2.8.2") == "active energy export (A-), tariff 2"
    assert name_of("1-0:199.250.3") == name_of("0-0:199.1.0") == ""


def test_links_and_faults_all_have_words() -> None:
    assert set(explain._LINKS) == set(LINKS)
    for kind in FAULTS:
        for given in ((False, False), (True, False), (True, True)):
            for readings in (False, True):
                sentences = advice.of(Fault(kind, "x"), *given, readings)
                assert sentences
                assert all(sentence.strip().endswith(".") for sentence in sentences)


def advised(text: str) -> str:
    """The text about faults and trials, without the values."""
    return text[text.find("Fault: ") :]


def test_no_key(said: Said) -> None:
    status, text = said(wire("kaifa-ma309"), "--explain")
    assert status == 1
    assert "Fault: key: the telegram is encrypted, and no key is known" in text
    assert "security control 21: encrypted, no tag" in text
    assert f"system title KFM 1020{SEED & 0xFFFFFF:06X}" in text
    assert "grid operator's customer portal" in text
    assert "32 hex digits" in text
    _, text = said(wire("kaifa-ma309"), "--redact")
    assert "system title KFM and 5 bytes blanked" in text
    assert "left out: it could not be opened" in text
    assert not re.search("[0-9a-f]{32}", text)


def test_wrong_keys_and_what_they_are(said: Said) -> None:
    form = "kamstrup-dk"
    key, auth_key = forms.default_key(form), forms.default_auth_key(form)
    other = bytes(range(0x40, 0x50))
    _, text = said(wire(form), "--explain", key=other)
    assert "The key given is not this meter's encryption key" in text
    _, text = said(wire(form), "--explain", key=auth_key, auth_key=key)
    assert "Tried: the two keys were given the wrong way round; swapped, they open it." in text
    _, text = said(wire(form), "--explain", key=other, auth_key=key)
    assert "Tried: the key given as authentication key opens it as encryption key." in text
    _, text = said(wire(form), "--explain", key=key, auth_key=other)
    assert "authentication key does not fit its tag" in text
    assert "Tried: without the authentication key it is read, but not verified." in text
    form = "kaifa-ma309"
    _, text = said(wire(form), "--explain", key=forms.default_key(form), auth_key=other)
    assert "carry no tag" in text


def test_the_authentication_key_that_opens_nothing_is_not_taken_for_the_other(said: Said) -> None:
    _, text = said(
        wire("kamstrup-dk"), "--explain", key=bytes(range(0x40, 0x50)), auth_key=bytes(16)
    )
    assert "Tried" not in text


UNKNOWN = (
    octets("0-0:96.1.0", "KFM{seed:07d}"),
    Item("0-0:96.1.0", "visible", text="No. {seed:07d}"),
    *every("u32", 0, "1-0:", "1.8.0", "2.8.0", "1.7.0"),
)


@pytest.mark.parametrize("form", ["siemens-im350", "iskra-am550-si"])
def test_a_list_of_no_known_layout_can_be_reported(said: Said, form: str) -> None:
    key, _ = keys(form)
    meter = forms.make(form, Household(SEED), lists={"all": (5, UNKNOWN)}, layout="e")
    capture, truth = meter.telegram(WHEN)
    values: Any = truth["values"]
    _, text = said(capture, "--explain", key=key)
    assert "Fault: layout: the list of values is of no layout known (5 items)" in text
    assert "same command with --redact" in text
    status, text = said(capture, "--redact", key=key)
    assert status == 1
    block = "".join(re.findall(r"^    ((?:[0-9a-f]{2})+)$", text, re.MULTILINE))
    assert b"KFM0000000".hex() in block
    assert b"XX. 0000000".hex() in block
    assert str(SEED).encode().hex() not in block
    assert bytes.fromhex(block)[-4:] == values["1.7.0"].to_bytes(4, "big")  # they stay


def test_damage(said: Said) -> None:
    form = "kaifa-ma309"
    key = forms.default_key(form)
    damaged = bytearray(wire(form))
    damaged[100] ^= 1
    _, text = said(bytes(damaged), "--explain", key=key)
    assert "8E1 read as 8N1" in text
    _, text = said(bytes(damaged) + wire(form), "--explain", key=key)
    assert "so the line is set right" in text
    _, text = said(wire(form)[:300], "--explain", key=key)
    assert "capture for longer" in text
    _, text = said(wire(form) * 2, "--explain", key=key)
    assert "Fault: replay" in text
    assert "1 reading, 1 fault (replay 1)." in text


def test_a_line_of_seven_bits_read_as_eight(said: Said) -> None:
    status, text = said(wire("p1-slovenia", parity_bits=True), "--explain")
    assert status == 1
    assert "Tried: the line is 7E1 and was read as 8N1" in text


def test_a_link_that_is_not_this_meter_s(said: Said) -> None:
    key = forms.default_key("kaifa-ma309")
    _, text = said(wire("kaifa-ma309"), "--explain", "--link", "sml", key=key)
    assert "Tried: without --link sml it is read." in text


@pytest.mark.parametrize(
    ("capture", "sentence"),
    [
        (b"", "The capture is empty."),
        (bytes(300), "All bytes are 00"),
        (b"\xff" * 300, "All bytes are FF"),
        (b"\x12\x34", "less than any telegram has"),
        (b"Dear reader,\nthis is a letter.\n", "text in which no bytes in hexadecimal were found"),
    ],
)
def test_nothing_in_it(said: Said, capture: bytes, sentence: str) -> None:
    status, text = said(capture, "--explain")
    assert status == 1
    assert sentence in text
    assert "0 readings" in text


def test_telegrams_that_are_alike_are_shown_once(said: Said) -> None:
    form = "landis-gyr-e450-ekz"
    meter = forms.make(form, Household(SEED))
    capture = b"".join(
        meter.telegram(WHEN.replace(minute=n // 60, second=n % 60))[0] for n in range(100)
    )
    status, text = said(capture, "--explain")
    assert status == 0
    assert "100 readings, 0 faults." in text
    assert text.count("  values\n") == 2  # the quick list, and the long one once a minute
    assert "Telegram 2: like 1; 2026-11-22T21:00:01+01:00" in text
    assert "more that are like one shown." in text
    assert len(text.splitlines()) < 150


def test_a_log_says_what_was_left_out(said: Said) -> None:
    capture = "booting\n" + "".join(
        f"2026-11-22 20:10:05.123 RX: {wire('sml')[at : at + 16].hex(' ')}\n"
        for at in range(0, len(wire("sml")), 16)
    )
    status, text = said(capture.encode(), "--explain")
    assert status == 0
    size = len(wire("sml"))
    assert (
        f"Read {size} bytes (lines with bytes in hexadecimal; 1 line without bytes left out)."
        in text
    )


def command(capture: bytes, *arguments: str) -> tuple[subprocess.CompletedProcess[bytes], float]:
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "smartmeter_gateway", "decode", "-", *arguments],
        input=capture,
        capture_output=True,
        env=os.environ | {"METER_KEY": bytes(range(16)).hex()},
        timeout=150,
    )
    return done, time.monotonic() - began


@pytest.mark.parametrize(
    "capture",
    [
        bytes(1_000_000),
        os.urandom(500_000),
        b"0" * 500_001,
        b"h\xfa\xfah" * 100_000,
        b"/ISk5\\2M\r\n\r\n" * 30_000,
        b"[12:00:01] 68 fa " * 20_000,
        b"00000000  00 " * 30_000,
        (b"\xdb\x08" + bytes(8) + b"\x82\x08\x00\x30") * 30_000,
    ],
    ids=["zeros", "noise", "digits", "M-Bus heads", "P1 heads", "a long line", "rows", "heads"],
)
def test_hostile_captures_end_with_words(capture: bytes) -> None:
    done, _ = command(capture, "--redact")
    assert done.returncode in (1, 2)
    assert b"Traceback" not in done.stderr
    lines = (done.stdout + done.stderr).splitlines()
    assert 0 < len(lines) < 500
    assert bytes(range(16)).hex().encode() not in done.stdout + done.stderr


def test_a_value_is_what_the_meter_sent(said: Said) -> None:
    _, truth = forms.make("sml", Household(SEED)).telegram(WHEN)
    _, text = said(wire("sml"), "--explain")
    values: Any = truth["values"]
    shown = dict(re.findall(r"^    1-0:(\S+) +(\S+) ", text, re.MULTILINE))
    assert {code: Decimal(shown[code]) for code in values} == {
        code: Decimal(str(value)) for code, value in values.items()
    }
