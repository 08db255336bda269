"""`python -m tools.meters` as a process: its port, its pace, its truth, its end."""

import json
import os
import select
import signal
import subprocess
import sys
import termios
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
from smllib import SmlStreamReader

from tools.meters import forms

REPOSITORY = Path(__file__).resolve().parents[3]
PATIENCE_S = 30


def until(condition, what):
    end = time.monotonic() + PATIENCE_S
    while not (value := condition()):
        assert time.monotonic() < end, f"waited {PATIENCE_S} s for {what}"
        time.sleep(0.01)
    return value


@contextmanager
def meter(tmp_path, *arguments, form="sml"):
    """A running meter; its port's link and its truth lie in tmp_path."""
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "tools.meters", form, "--port-link", tmp_path / "port"),
            *("--truth", tmp_path / "truth", *arguments),
        ],
        cwd=REPOSITORY,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        until(lambda: os.path.lexists(tmp_path / "port") or process.poll() is not None, "a port")
        yield process
    finally:
        process.kill()
        process.wait()
        process.stderr.close()


@contextmanager
def reader(tmp_path, speed=None):
    port = os.open(tmp_path / "port", os.O_RDWR | os.O_NOCTTY)
    if speed:
        set_speed(port, speed)
    try:
        yield port
    finally:
        os.close(port)


def set_speed(port, speed):
    mode = termios.tcgetattr(port)
    mode[4] = mode[5] = speed
    termios.tcsetattr(port, termios.TCSANOW, mode)


def hear(port, enough, what):
    """Read until enough(heard) is true."""
    heard, end = b"", time.monotonic() + PATIENCE_S
    while not enough(heard):
        assert time.monotonic() < end, f"waited {PATIENCE_S} s for {what}, heard {heard[-40:]!r}"
        if select.select([port], [], [], 0.1)[0]:
            try:
                heard += os.read(port, 4096)
            except OSError:  # the meter is gone
                return heard
    return heard


def truths(tmp_path):
    lines = (tmp_path / "truth").read_text().splitlines()
    return [json.loads(line) for line in lines]


def sml_values(stream):
    """The values of each telegram in a stream, by smllib."""
    frames = SmlStreamReader()
    frames.add(stream)
    telegrams = []
    while (frame := frames.get_frame()) is not None:
        listed = frame.parse_frame()[1].message_body.val_list
        telegrams.append(
            {
                ".".join(str(byte) for byte in bytes.fromhex(entry.obis)[2:5]): float(
                    f"{entry.value}e{entry.scaler}"
                )
                for entry in listed
                if entry.unit
            }
        )
    return telegrams


def test_what_comes_from_the_port_is_what_the_truth_says(tmp_path):
    with (
        meter(tmp_path, "--count", "5", "--speed", "20", "--pv", "--seed", "3") as process,
        reader(tmp_path) as port,
    ):
        stream = hear(port, lambda heard: process.poll() is not None, "its end")
    assert process.returncode == 0
    told = truths(tmp_path)
    assert [line["seq"] for line in told] == [1, 2, 3, 4, 5]
    assert [line["values"] for line in told] == sml_values(stream)
    assert not os.path.lexists(tmp_path / "port")


def test_nothing_is_sent_or_told_while_nobody_listens(tmp_path):
    with meter(tmp_path, "--speed", "100") as process:
        time.sleep(0.3)  # thirty telegrams' time: there is no event to wait for
        assert truths(tmp_path) == []
        with reader(tmp_path) as port:
            hear(port, lambda heard: len(truths(tmp_path)) >= 2, "two telegrams")
        until(lambda: truths(tmp_path), "a truth")
        process.terminate()
        assert process.wait(PATIENCE_S) == 0


def test_a_reader_that_comes_late_gets_whole_telegrams(tmp_path):
    with meter(tmp_path, "--speed", "20") as process:
        for _ in range(3):
            with reader(tmp_path) as port:
                stream = hear(port, lambda heard: heard.count(b"\x1b\x1b\x1b\x1b\x1a") >= 1, "one")
            assert stream.startswith(b"\x1b\x1b\x1b\x1b\x01\x01\x01\x01")
        process.terminate()
        assert process.wait(PATIENCE_S) == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_lets_the_telegram_under_way_end(tmp_path, number):
    with meter(tmp_path, "--interval", "1", form="kaifa-ma309") as process:
        with reader(tmp_path) as port:
            began = hear(port, lambda heard: heard, "a first byte")
            process.send_signal(number)
            stream = began + hear(port, lambda heard: process.poll() is not None, "its end")
        assert process.returncode == 0
    assert len(stream) == 376  # 1.7 s at 2400 Bd
    assert len(truths(tmp_path)) == 1
    assert not os.path.lexists(tmp_path / "port")


def test_bytes_come_at_the_meters_pace(tmp_path):
    with meter(tmp_path, "--count", "1", "--interval", "1", form="kaifa-ma309") as process:
        with reader(tmp_path) as port:
            hear(port, lambda heard: heard, "a first byte")
            began = time.monotonic()
            hear(port, lambda heard: process.poll() is not None, "its end")
        # 376 characters of 11 bits at 2400 Bd are 1.72 s
        assert time.monotonic() - began > 1.5


def test_keys_come_from_files(tmp_path):
    (tmp_path / "key").write_text("000102030405060708090a0b0c0d0e0f\n")
    arguments = ("--key-file", str(tmp_path / "key"), "--count", "1", "--speed", "50")
    with meter(tmp_path, *arguments, form="kaifa-ma309") as process:
        with reader(tmp_path) as port:
            stream = hear(port, lambda heard: process.poll() is not None, "its end")
        assert process.returncode == 0
    assert len(stream) == 376


@pytest.mark.parametrize("content", ["0001", "not a key at all", ""])
def test_a_file_without_a_key_is_refused_and_not_shown(tmp_path, content):
    (tmp_path / "key").write_text(content)
    with meter(tmp_path, "--key-file", str(tmp_path / "key"), form="kaifa-ma309") as process:
        assert process.wait(PATIENCE_S) == 1
        said = process.stderr.read()
    assert said.count("\n") == 1
    assert "32 hexadecimal digits" in said
    assert not content or content not in said
    assert not os.path.lexists(tmp_path / "port")


def test_a_file_in_the_ports_place_is_left_alone(tmp_path):
    (tmp_path / "port").write_text("mine")
    with meter(tmp_path) as process:
        assert process.wait(PATIENCE_S) == 1
        assert "is no link to a port" in process.stderr.read()
    assert (tmp_path / "port").read_text() == "mine"


def run(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "tools.meters", *arguments],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )


def test_the_list_names_every_form():
    listed = run("--list")
    assert listed.returncode == 0
    assert [line.split()[0] for line in listed.stdout.splitlines()] == list(forms.FORMS)


def test_an_unknown_form_is_refused_in_a_sentence(tmp_path):
    answer = run("no-such-meter", "--port-link", str(tmp_path / "port"))
    assert answer.returncode == 1
    assert answer.stderr.startswith("meters: there is no meter form 'no-such-meter'")
    assert answer.stderr.count("\n") == 1


def test_a_readout_changes_the_bit_rate(tmp_path):
    with (
        meter(tmp_path, "--strict-baud", form="iec-readout") as process,
        reader(tmp_path, termios.B300) as port,
    ):
        os.write(port, b"/?!\r\n")
        hello = hear(port, lambda heard: heard.endswith(b"\r\n"), "an identification")
        assert hello == b"/LGZ5ZMD120APt.G03\r\n"
        os.write(port, b"\x06050\r\n")
        time.sleep(0.1)  # as long as these characters are on a real line, and less than 200 ms
        set_speed(port, termios.B9600)
        stream = hear(port, lambda heard: heard[-2:-1] == b"\x03", "a readout")
        until(lambda: truths(tmp_path), "a truth")
        process.terminate()
        assert process.wait(PATIENCE_S) == 0
    assert stream.startswith(b"\x02F.F(00000000)\r\n")
    (told,) = truths(tmp_path)
    assert f"1.8.0({told['values']['1.8.0'] / 1000:08.1f}*kWh)".encode() in stream


def test_who_does_not_change_the_bit_rate_hears_noise(tmp_path):
    with (
        meter(tmp_path, "--strict-baud", form="iec-readout") as process,
        reader(tmp_path, termios.B300) as port,
    ):
        os.write(port, b"/?!\r\n")
        hear(port, lambda heard: heard.endswith(b"\r\n"), "an identification")
        os.write(port, b"\x06050\r\n")
        noise = hear(port, lambda heard: len(heard) > 100, "noise")
        process.terminate()
        hear(port, lambda heard: process.poll() is not None, "its end")
    assert set(noise) == {0x00, 0xFF}
    assert truths(tmp_path) == []


def test_amis_goes_on_while_acknowledged_and_stops_after_ten_without(tmp_path):
    with meter(tmp_path, "--speed", "30", form="amis") as process:
        with reader(tmp_path) as port:
            search = hear(port, lambda heard: len(heard) >= 5, "a search")
            assert search == bytes.fromhex("1040f03016")
            os.write(port, b"\xe5")
            for _ in range(3):
                hear(port, lambda heard: len(heard) >= 101, "a telegram")
                os.write(port, b"\xe5")
            silent = hear(port, lambda heard: heard.endswith(search), "the search again")
        process.terminate()
        assert process.wait(PATIENCE_S) == 0
    assert len(silent) == 10 * 101 + 5
    assert len(truths(tmp_path)) == 13


def test_a_polled_meter_answers_its_master(tmp_path):
    with meter(tmp_path, "--speed", "10", form="mbus-polled") as process:
        with reader(tmp_path) as port:
            os.write(port, bytes.fromhex("1040014116"))
            assert hear(port, lambda heard: heard, "an acknowledgement") == b"\xe5"
            os.write(port, bytes.fromhex("107b027d16"))  # another's address
            os.write(port, bytes.fromhex("105b015c16"))
            stream = hear(port, lambda heard: heard[-1:] == b"\x16", "an answer")
        until(lambda: truths(tmp_path), "a truth")
        process.terminate()
        assert process.wait(PATIENCE_S) == 0
    assert stream[4:7] == b"\x08\x01\x72"
    assert len(truths(tmp_path)) == 1
