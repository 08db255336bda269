"""`make demo`, as a newcomer runs it."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tools.chain.chain import has

# The demo takes the next free ports from the usual ones; others that want those wait for it.
alone = pytest.mark.usefixtures("usual_ports")


def demo(repository: Path, **environment: str) -> subprocess.Popen[str]:
    """The demo without `make`, whose set-up has been run to get here."""
    return subprocess.Popen(
        [sys.executable, "-m", "tools.demo"],
        cwd=repository,
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def those_with(text: str) -> list[str]:
    """Command lines of processes of which `text` is a part."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue
        if text in command:
            found.append(command)
    return found


@alone
def test_it_ends_by_itself_with_nothing_lost_and_nothing_wrong(
    repository: Path, tmp_path: Path
) -> None:
    if not (has("micropython") and has("mosquitto")):
        pytest.skip("MicroPython or mosquitto is not here; see tools/environment/prepare.py")
    folder = tmp_path / "demo"
    process = demo(repository, DEMO_SECONDS="6", DEMO_DIR=str(folder))
    out, _ = process.communicate(timeout=150)
    assert process.returncode == 0, out
    rows = re.findall(r"^(\S+) +(\d+) +(\d+) +(\d+) +(\d+)$", out, re.MULTILINE)
    assert [r[0] for r in rows] == ["kaifa-ma309", "landis-gyr-e450", "sml-infrared"]
    for meter, sent, stored, lost, wrong in rows:
        assert int(sent) >= 2, meter
        assert (stored, lost, wrong) == (sent, "0", "0"), meter
    assert "broker: first reading published and acknowledged" in out
    assert not those_with(str(folder))
    assert not list((folder / "ports").iterdir()), "a meter left its port behind"
    for secret in (folder / "keys").iterdir():
        assert secret.stat().st_mode & 0o077 == 0
        for word in secret.read_text().replace(":", "\n").split():
            if len(word) > 16:  # a password or key, not a user's name
                assert word not in out
                for log in (folder / "logs").iterdir():
                    assert word not in log.read_text(), log


@alone
def test_ctrl_c_ends_everything_it_started(repository: Path, tmp_path: Path) -> None:
    process = demo(repository, TMPDIR=str(tmp_path))
    assert process.stdout
    said = ""
    while "page: http" not in said:
        line = process.stdout.readline()
        assert line, said
        said += line
    assert those_with(str(tmp_path))
    os.killpg(process.pid, signal.SIGINT)
    rest, _ = process.communicate(timeout=60)
    assert process.returncode == 0, said + rest
    until = time.monotonic() + 5
    while those_with(str(tmp_path)) and time.monotonic() < until:
        time.sleep(0.1)
    assert those_with(str(tmp_path)) == []
    assert list(tmp_path.iterdir()) == [], "its temporary folder is still there"


@pytest.mark.parametrize(
    ("environment", "says"),
    [
        ({"DEMO_SECONDS": "soon"}, "DEMO_SECONDS is 'soon'; give the seconds to run"),
        ({"DEMO_DIR": "/dev/null/demo"}, "DEMO_DIR /dev/null/demo cannot be used"),
    ],
)
def test_a_wrong_setting_gets_one_sentence(
    repository: Path, environment: dict[str, str], says: str
) -> None:
    process = demo(repository, **environment)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 1
    assert says in out
    assert len(out.strip().splitlines()) == 1


@alone
def test_without_mosquitto_the_embedded_brokers_serve(repository: Path, tmp_path: Path) -> None:
    # Neither on the PATH nor in the cache: what a machine without apt looks like.
    process = demo(
        repository,
        DEMO_SECONDS="4",
        TMPDIR=str(tmp_path),
        XDG_CACHE_HOME=str(tmp_path / "empty"),
        PATH="/usr/bin:/bin",
    )
    out, _ = process.communicate(timeout=150)
    assert process.returncode == 0, out
    assert "brokers: embedded (amqtt)" in out
    assert "the Concentrator reads all three meters itself" in out
