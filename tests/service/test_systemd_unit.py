"""install-service: units that systemd understands, that start this program and that bound it."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from smartmeter_cloud.cli.systemd import SERVICE as CLOUD
from smartmeter_gateway.cli.systemd import SERVICE as GATEWAY
from smartmeter_service.systemd_unit import Service
from smartmeter_service.toml_file import SettingsError

from tests.cloud.harness import Process
from tools.environment.debian import Unavailable
from tools.environment.prepare import program

SETTINGS = {
    GATEWAY.name: 'concentrator = "home"\n[lan]\nhost = "localhost"\n',
    CLOUD.name: "[http]\nport = 0\n",
}
BOTH = pytest.mark.parametrize("service", [GATEWAY, CLOUD], ids=lambda s: s.name)


def printed(service: Service, folder: Path) -> str:
    config = folder / "settings.toml"
    config.write_text(SETTINGS[service.name])
    return subprocess.run(
        [Path(sys.executable).with_name(service.name), "install-service", "--print"]
        + ["--config", config],
        capture_output=True,
        text=True,
        check=True,
    ).stdout


@BOTH
def test_the_unit_starts_this_program_and_bounds_it(service: Service, tmp_path: Path) -> None:
    unit = printed(service, tmp_path)
    start = f"bin/{service.name} {service.command} --config {tmp_path}/settings.toml"
    assert f"{start}\nUser={service.name}\n" in unit
    for name in ("LimitNOFILE", "MemoryMax", "TasksMax", "UMask"):
        assert f"\n{name}=" in unit
    sections = [line for line in unit.splitlines() if line.startswith("[")]
    assert sections == ["[Unit]", "[Service]", "[Install]"]


def test_a_serial_port_that_is_plugged_in_later_is_allowed(tmp_path: Path) -> None:
    """By numbers, which hold before the first such device is there (seen with systemd 252)."""
    assert "DeviceAllow=char-188 rw\nDeviceAllow=char-166 rw\n" in printed(GATEWAY, tmp_path)


@BOTH
def test_systemd_understands_the_unit_and_calls_it_safe(service: Service, tmp_path: Path) -> None:
    try:
        analyze = program("systemd-analyze")
    except Unavailable as why:
        pytest.skip(str(why))
    if os.geteuid() and not Path("/run/systemd").exists():
        pytest.skip("systemd-analyze wants /run/systemd, and only root can make it")
    unit = tmp_path / f"{service.name}.service"
    unit.write_text(printed(service, tmp_path))
    own = Path(analyze).parent / "root" / "lib" / "systemd" / "system"  # of a private systemd
    environment = os.environ | ({"SYSTEMD_UNIT_PATH": f"{tmp_path}:{own}"} if own.exists() else {})
    for question in (["verify"], ["security", "--offline=true", "--threshold=18"]):
        checked = subprocess.run(
            [analyze, *question, str(unit)], capture_output=True, text=True, env=environment
        )
        assert checked.returncode == 0, checked.stdout
        assert checked.stderr == ""


@pytest.mark.parametrize(
    ("starter", "folder", "said"),
    [
        ("/home/pi/smartmeter/bin/PROGRAM", "/etc/x", "is in a home directory, which the service"),
        ("/opt/x/bin/PROGRAM", "/home/pi", "configuration is in /home/pi, but"),
        ("/opt/x/bin/PROGRAM", "/etc", "configuration is in /etc, but"),
    ],
)
@BOTH
def test_the_service_is_not_installed_where_it_could_not_run_or_would_take_a_home(
    starter: str, folder: str, said: str, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "base_prefix", "/usr")
    with pytest.raises(SettingsError, match=said):
        service.check(Path(starter.replace("PROGRAM", service.name)), Path(folder))
    service.check(Path(f"/opt/x/bin/{service.name}"), Path(f"/etc/{service.name}"))


def test_the_cloud_tells_systemd_when_it_is_ready_and_stopping(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "cloud.toml"
    (tmp_path / "password").touch(0o600)
    (tmp_path / "password").write_text("of-the-tests\n")
    config.write_text(
        '[broker]\nembedded = true\nport = 0\npassword_file = "password"\n[http]\nport = 0\n'
    )
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(60)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        serve = Process("serve", config)
        try:
            assert systemd.recv(100) == b"READY=1"
            assert serve.stop() == 0
            assert systemd.recv(100) == b"STOPPING=1"
        finally:
            serve.kill()
