"""`smartmeter-gateway decode`: a capture in, a line of JSON for each event out."""

import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tools.meters import forms
from tools.meters.household import Household

FORM = "kaifa-ma309"


@pytest.fixture
def telegram() -> tuple[bytes, dict[str, Any]]:
    wire, truth = forms.make(FORM, Household(5)).telegram(datetime(2026, 11, 22, 20, tzinfo=UTC))
    return wire, truth


def decode(*arguments: str, stdin: bytes = b"", **environment: str) -> Any:
    return subprocess.run(
        [sys.executable, "-m", "smartmeter_gateway", "decode", *arguments],
        input=stdin,
        capture_output=True,
        env=os.environ | environment,
        timeout=60,
    )


def test_binary_from_a_file_with_the_key_in_one(tmp_path: Path, telegram: Any) -> None:
    wire, truth = telegram
    (tmp_path / "capture.bin").write_bytes(wire * 1)
    (tmp_path / "key").write_text(forms.default_key(FORM).hex(" ") + "\n")
    done = decode(str(tmp_path / "capture.bin"), "--key-file", str(tmp_path / "key"))
    assert done.returncode == 0, done.stderr
    (line,) = done.stdout.splitlines()
    found = json.loads(line)
    assert found["seq"] == truth["seq"]
    assert found["values"].items() >= {k: float(v) for k, v in truth["values"].items()}.items()
    assert found["meter"]


@pytest.mark.parametrize("form", ["{}", "0x{}", "{}\n"])
def test_hex_from_standard_input_with_the_key_in_the_environment(telegram: Any, form: str) -> None:
    wire, truth = telegram
    text = form.format(wire.hex(" ", 16) if "0x" not in form else wire.hex())
    done = decode("-", stdin=text.encode(), METER_KEY=forms.default_key(FORM).hex())
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["seq"] == truth["seq"]


def test_a_fault_is_a_line_too_and_the_exit_status_tells(telegram: Any) -> None:
    wire, _ = telegram
    for capture, kinds in (
        (wire, {"key"}),
        (wire[:-1] + b"\x00", {"checksum", "length", "segment", "noise"}),
        (wire[: len(wire) // 2], {"length", "segment"}),
    ):
        done = decode("-", stdin=capture)
        assert done.returncode == 1
        found = {json.loads(line)["fault"] for line in done.stdout.splitlines()}
        assert found
        assert found <= kinds


def test_what_cannot_be_read_gets_a_sentence(tmp_path: Path) -> None:
    short = tmp_path / "key"
    short.write_text("00" * 15)
    for arguments, stdin, said in (
        ((str(tmp_path / "none"),), b"", "no such file or directory"),
        (("-",), b"0F1", "odd number of hex digits"),
        (("-", "--key-file", str(short)), b"", "must be 32 hex digits, but has 30 characters"),
        (("-", "--link", "carrier-pigeon"), b"", "a link is one of "),
    ):
        done = decode(*arguments, stdin=stdin)
        assert done.returncode == 2
        assert said in done.stderr.decode()
        assert done.stderr.count(b"\n") == 1


def test_a_key_as_a_portal_writes_it(telegram: Any) -> None:
    key = forms.default_key(FORM)
    for written in (key.hex(":"), key.hex("-").upper(), "0x" + key.hex()):
        done = decode("-", stdin=telegram[0], METER_KEY=written)
        assert done.returncode == 0, done.stderr


def test_nothing_in_it(tmp_path: Path) -> None:
    done = decode("-")
    assert done.returncode == 1
    assert done.stderr == b"no telegram was found in the capture\n"
