"""Bad settings get one sentence: file, line, key, and what is allowed. Nothing starts."""

import contextlib
import fcntl
import io
import subprocess
import sys
from pathlib import Path

import pytest
from smartmeter_gateway.cli.main import main
from smartmeter_gateway.config.settings_file import load

GOOD = """\
concentrator = "home"

[lan]
host = "localhost"

[[port]]
device = "/dev/ttyUSB0"
meter = "m-1"
baud = 2400
"""


def run(folder: Path, text: str | bytes) -> str:
    """What `run` says on a bad file; its exit status is 2 and it writes nothing else."""
    config = folder / "gateway.toml"
    config.write_bytes(text if isinstance(text, bytes) else text.encode())
    err, out = io.StringIO(), io.StringIO()
    with contextlib.redirect_stderr(err), contextlib.redirect_stdout(out):
        assert main(["run", "--config", str(config)]) == 2
    told = err.getvalue()
    assert told.count("\n") == 1
    assert out.getvalue() == ""
    assert told.startswith("smartmeter-gateway: ")
    assert not (folder / "spool.db").exists()
    return told


@pytest.mark.parametrize(
    ("before", "after", "line", "said"),
    [
        ('"home"', '"my home"', 1, "concentrator must be 1 to 64 of A-Z a-z 0-9 . _ -"),
        ('host = "localhost"', "host = 7", 4, "lan.host must be a text in quotes"),
        (
            'host = "localhost"',
            'hots = "localhost"',
            4,
            "hots is not a setting here; did you mean host?",
        ),
        ('host = "localhost"', 'host = "x"\ncolour = 1', 5, "lan.colour is not a setting here; "),
        ("baud = 2400", "baud = 24", 9, "port.baud must be a whole number from 50 to 4000000"),
        ("baud = 2400", 'baud = 2400\nparity = "E"', 10, "must be one of none, even, odd"),
        ("baud = 2400", "baud = 2400\nbits = 9", 10, "port.bits must be a whole number from 7"),
        ('"m-1"', '"m/1"', 8, "port.meter must be 1 to 64"),
        ("baud = 2400", 'key_file = "none.key"\nbaud=1200', 9, "none.key: no such file"),
        (
            'host = "localhost"',
            'host = "mqtts://x"',
            4,
            "lan.host must be only a name or an address",
        ),
        ('host = "localhost"', 'host = "x:1883"', 4, "; set the port with port"),
        ("[lan]", "[lam]", 3, "[lam] is not a setting here; did you mean [lan]?"),
        ("[lan]", "[spool]\ndays = 0\n[lan]", 4, "spool.days must be a whole number from 1"),
        ("baud = 2400", 'baud = 2400\nlink = "hdlk"', 10, "port.link must be one of mbus, hdlc"),
        ("baud = 2400", 'baud = 2400\nvalues = ["1.8"]', 10, "1.8 is not one"),
        ("[[port]]", "[cloud]\nhost='c'\npassword_file='p'\n[[port]]", 8, "no such file"),
    ],
)
def test_an_error_names_file_line_and_key(
    tmp_path: Path, before: str, after: str, line: int, said: str
) -> None:
    assert before in GOOD
    told = run(tmp_path, GOOD.replace(before, after))
    assert f"gateway.toml, line {line}: " in told
    assert said in told


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "concentrator is missing"),
        ('concentrator = "home"', "no source of readings; add [lan]"),
        ("concentrator = ", "not TOML"),
        ("concentrator = " + "[" * 100_000, "not TOML"),
        (
            GOOD.replace("[lan]", "[lan]\nport = 1\nport = 2\n"),
            "Cannot overwrite a value (at line 5",
        ),
        (b"\xff", "must be UTF-8"),
        (
            GOOD + GOOD.partition("[[port]]")[2].join(["[[port]]", ""]),
            "line 11: port.device is already",
        ),
    ],
)
def test_a_file_that_is_none(tmp_path: Path, text: str | bytes, said: str) -> None:
    assert said in run(tmp_path, text)


def test_editors_on_windows_put_a_mark_first_and_two_characters_last(tmp_path: Path) -> None:
    config = tmp_path / "gateway.toml"
    config.write_bytes(b"\xef\xbb\xbf" + GOOD.replace("\n", "\r\n").encode())
    assert load(config).id == "home"


def test_a_full_disk_behind_the_output_is_one_sentence(tmp_path: Path) -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "smartmeter_gateway", "broker-rules"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
        )
    assert (done.returncode, done.stderr) == (1, "smartmeter-gateway: no space left on device\n")


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "smartmeter_gateway", "run", "--config", str(tmp_path / "x.toml")],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert done.stderr == (
        f"smartmeter-gateway: {tmp_path / 'x.toml'}: no such file or directory; "
        "`smartmeter-gateway init` writes one\n"
    )


@pytest.mark.parametrize(
    ("mode", "content", "said"),
    [
        (0o640, "00" * 16, "which others may read; type: chmod 600"),
        (0o600, "00" * 15, "must contain 32 hex digits, but has 30 characters"),
        (0o600, "ab cd" * 7 + "a", "32 hex digits"),
        (0o600, "", "must hold 1 to"),
    ],
)
def test_a_key_lies_in_a_file_of_its_owner_alone(
    tmp_path: Path, mode: int, content: str, said: str
) -> None:
    key = tmp_path / "meter.key"
    key.write_text(content)
    key.chmod(mode)
    told = run(tmp_path, GOOD + 'key_file = "meter.key"\n')
    assert said in told
    assert len(content) < 10 or content[:10] not in told


def test_off_the_loopback_the_embedded_broker_needs_a_certificate(tmp_path: Path) -> None:
    users = tmp_path / "users"
    users.write_text("a:b")
    users.chmod(0o600)
    text = 'concentrator = "home"\n[lan]\nembedded = true\nhost = "0.0.0.0"\nusers_file = "users"\n'
    assert "needs certificate and key, or tls = false" in run(tmp_path, text)


def test_a_spool_in_use_and_a_spool_that_cannot_be(tmp_path: Path) -> None:
    with (tmp_path / "spool.db.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        (tmp_path / "gateway.toml").write_text(GOOD)
        done = subprocess.run(
            [sys.executable, "-m", "smartmeter_gateway", "run"]
            + ["--config", str(tmp_path / "gateway.toml")],
            capture_output=True,
            text=True,
        )
    assert done.returncode == 2
    assert done.stderr.endswith(
        f"another Concentrator uses the spool {tmp_path}/spool.db; end that one\n"
    )
    text = GOOD + '\n[spool]\npath = "nowhere/spool.db"\n'
    assert "which is not a folder; create it" in run(tmp_path, text)
