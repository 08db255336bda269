"""From an empty board to a reading at the broker, by the commands that the README tells."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from tests.firmware.rig import KEY, METER, REPOSITORY, USERS, WIFI, Listener, TestMeter, agrees
from tools.certificates import Authority
from tools.environment.mosquitto import Mosquitto
from tools.virtual_board import VirtualBoard


def test_flash_provision_and_read(
    new_board: Callable[..., VirtualBoard],
    mosquitto: Callable[..., Mosquitto],
    authority: Authority,
    tls: tuple[Path, Path, Path],
    meter: TestMeter,
    tmp_path: Path,
) -> None:
    broker = mosquitto(users=USERS, tls=tls)
    listener = Listener(broker, authority.certificate_path)
    board = new_board(line="2400 8E1")
    config = tmp_path / "adapter.toml"
    config.write_text(
        f"""
        board = "ESP32_GENERIC"
        [meter]
        id = "{METER}"
        line = "2400 8E1"
        [wifi]
        ssid = "Home"
        [broker]
        host = "localhost"
        port = {broker.port}
        user = "adapter"
        ca = "{authority.certificate_path}"
        """
    )
    secrets = (
        f"wifi_password={WIFI['Home']}\nbroker_password={USERS['adapter']}\n"
        f"meter_key={KEY.hex(' ').upper()}\n"
    )
    command = [sys.executable, "-m", "tools.provision", "--board", board.port]
    command += ["--config", str(config), "--secrets", "-", "--timeout", "120"]
    process = subprocess.Popen(
        command,
        cwd=REPOSITORY,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdin
    process.stdin.write(secrets)
    process.stdin.close()
    assert listener.next("status")["state"] == "online"

    truth = meter.send()
    reading = listener.next("reading")
    assert agrees(reading, truth)
    assert reading["clock"] == "meter"
    assert reading["auth"] == "none"
    assert reading["seq"] == truth["seq"]
    assert reading["time"] == truth["time"]

    assert process.stdout
    said = process.stdout.read()
    assert process.wait(60) == 0, said
    assert "the first reading has reached the broker" in said
    for secret in (*WIFI.values(), USERS["adapter"], KEY.hex()):
        assert secret not in said
        assert secret not in board.console()
    listener.close()
