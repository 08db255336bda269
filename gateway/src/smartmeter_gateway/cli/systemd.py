"""install-service: the systemd unit that runs the Concentrator."""

import os
import pwd
import shutil
import subprocess
import sys
from pathlib import Path

from smartmeter_service.toml_file import SettingsError

USER = "smartmeter-gateway"
UNIT = Path("/etc/systemd/system/smartmeter-gateway.service")
FOLDER = Path("/var/lib/smartmeter-gateway")
_HOMES = (Path("/home"), Path("/root"), Path("/run/user"))  # what ProtectHome hides
_SHARED = (*_HOMES, Path("/tmp"), Path("/var/tmp"))  # noqa: S108 (what PrivateTmp hides)

_UNIT = """\
[Unit]
Description=Concentrator of smart meters
After=network-online.target time-sync.target
Wants=network-online.target

[Service]
Type=notify
ExecStart={program} run --config {config}
User={user}
Group={user}
SupplementaryGroups=dialout
WorkingDirectory={folder}
ReadWritePaths={folder}
Restart=always
RestartSec=2
WatchdogSec=60
TimeoutStopSec=10
UMask=0077

NoNewPrivileges=true
CapabilityBoundingSet=
AmbientCapabilities=
ProtectSystem=strict
ProtectHome=true
PrivateTmp=true
PrivateMounts=true
RemoveIPC=true
ProtectKernelTunables=true
ProtectKernelModules=true
ProtectKernelLogs=true
ProtectControlGroups=true
ProtectClock=true
ProtectHostname=true
ProtectProc=invisible
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
RestrictNamespaces=true
RestrictRealtime=true
RestrictSUIDSGID=true
LockPersonality=true
MemoryDenyWriteExecute=true
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources
SystemCallErrorNumber=EPERM
DevicePolicy=closed
# ttyUSB and ttyACM, by their numbers: their names are known only once such a device has been there,
# and one that is plugged in later would be refused until a restart.
DeviceAllow=char-188 rw
DeviceAllow=char-166 rw
DeviceAllow=char-ttyS rw
DeviceAllow=char-ttyAMA rw

[Install]
WantedBy=multi-user.target
"""


def unit(config: Path, folder: Path = FOLDER) -> str:
    """The unit that runs this installation with that configuration."""
    return _UNIT.format(program=_program(), config=config.resolve(), user=USER, folder=folder)


def _program() -> Path:
    program = Path(sys.argv[0]).resolve()
    if program.name == "smartmeter-gateway":
        return program
    return Path(sys.executable).parent / "smartmeter-gateway"


def _check(program: Path, folder: Path) -> None:
    """SettingsError if the service could not read it, or would take over another's folder."""
    for path in (program, Path(sys.base_prefix)):
        if any(path.is_relative_to(home) for home in _HOMES):
            raise SettingsError(
                f"{path} is in a home directory, which the service cannot see; type: "
                "python3 -m venv /opt/smartmeter && /opt/smartmeter/bin/pip install ./gateway"
            )
    if any(folder.is_relative_to(shared) for shared in _SHARED) or len(folder.parts) < 3:
        raise SettingsError(
            f"the configuration is in {folder}, but the service needs its own folder; "
            "move it and its files into /etc/smartmeter-gateway"
        )


def install(config: Path) -> list[str]:
    """Create the user, give it the configuration's folder, write the unit; return what was done."""
    if os.geteuid() != 0:
        raise SettingsError("install-service writes below /etc; run it as root, or use --print")
    if not shutil.which("systemctl"):
        raise SettingsError(
            "this machine has no systemd; start `smartmeter-gateway run` with its own"
        )
    folder = config.resolve().parent
    _check(_program(), folder)
    done = []
    try:
        pwd.getpwnam(USER)
    except KeyError:
        _run(
            ["useradd", "--system", "--home-dir", str(FOLDER), "--shell", "/usr/sbin/nologin", USER]
        )
        done.append(f"created the user {USER}")
    FOLDER.mkdir(mode=0o700, parents=True, exist_ok=True)
    for path in (FOLDER, folder, *(p for p in folder.iterdir() if p.is_file())):
        shutil.chown(path, USER, USER)
    done.append(f"gave {folder} and {FOLDER} to {USER}")
    UNIT.write_text(unit(config, folder))
    done.append(f"wrote {UNIT}")
    _run(["systemctl", "daemon-reload"])
    _run(["systemctl", "enable", UNIT.name])
    try:
        _run(["systemctl", "restart", UNIT.name])  # it may already run, with an older unit
    except SettingsError:
        raise SettingsError(
            f"{UNIT.name} is installed but does not start; see: journalctl -u {UNIT.stem}"
        ) from None
    done.append(f"started {UNIT.name}; see: journalctl -u {UNIT.stem}")
    return done


def _run(command: list[str]) -> None:
    result = subprocess.run(command, capture_output=True, text=True)
    if result.returncode:
        said = (result.stderr or result.stdout).strip().splitlines()[-1:] or ["no reason given"]
        raise SettingsError(f"{command[0]} failed: {said[0]}")
