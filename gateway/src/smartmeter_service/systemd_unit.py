"""install-service: the systemd unit that runs a server as a user of its own, hardened."""

import os
import pwd
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from smartmeter_service.toml_file import SettingsError

_UNITS = Path("/etc/systemd/system")
_HOMES = (Path("/home"), Path("/root"), Path("/run/user"))  # what ProtectHome hides
_SHARED = (*_HOMES, Path("/tmp"), Path("/var/tmp"))  # noqa: S108 (what PrivateTmp hides)

# The embedded broker takes 1000 connections and the Cloud's page 800; LimitNOFILE is above both.
_UNIT = """\
[Unit]
Description={description}
After=network-online.target time-sync.target
Wants=network-online.target

[Service]
Type=notify
ExecStart={program} {command} --config {config}
User={name}
Group={name}
WorkingDirectory={folder}
ReadWritePaths={folder}
Restart=always
RestartSec=2
TimeoutStopSec=10
UMask=0077
LimitNOFILE=4096
MemoryMax={memory}
TasksMax={tasks}

NoNewPrivileges=true
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
{more}
[Install]
WantedBy=multi-user.target
"""


@dataclass(frozen=True)
class Service:
    """A server's program, which is also the name of its user and unit, and what it may do.

    memory and tasks: MemoryMax and TasksMax of systemd.resource-control(5). more: further lines
    of the unit's [Service] section. source: what `pip install` installs, from the repository.
    """

    name: str
    command: str
    description: str
    memory: str
    tasks: int
    more: str
    source: str

    @property
    def home(self) -> Path:
        """The user's home directory, which also is the default for the data."""
        return Path("/var/lib") / self.name

    def unit(self, config: Path) -> str:
        """The unit that runs this installation with that configuration."""
        config = config.resolve()
        return _UNIT.format(
            program=self._program(), config=config, folder=config.parent, **vars(self)
        )

    def install(self, config: Path) -> list[str]:
        """Create the user, give it the configuration's folder, write the unit; what was done.

        Raises SettingsError.
        """
        if os.geteuid() != 0:
            raise SettingsError("install-service writes below /etc; run it as root, or use --print")
        if not shutil.which("systemctl"):
            raise SettingsError(
                f"this machine has no systemd; start `{self.name} {self.command}` with its own"
            )
        folder = config.resolve().parent
        self.check(self._program(), folder)
        done = []
        try:
            pwd.getpwnam(self.name)
        except KeyError:
            nologin = "/usr/sbin/nologin"
            _run(
                ["useradd", "--system", "--home-dir", str(self.home), "--shell", nologin, self.name]
            )
            done.append(f"created the user {self.name}")
        self.home.mkdir(mode=0o700, parents=True, exist_ok=True)
        user = pwd.getpwnam(self.name)
        for path in (self.home, folder, *folder.rglob("*")):
            # A link may lead to a file that is not ours.
            os.chown(path, user.pw_uid, user.pw_gid, follow_symlinks=False)
        done.append(f"gave {folder} and {self.home} to {self.name}")
        path = _UNITS / f"{self.name}.service"
        path.write_text(self.unit(config))
        path.chmod(0o644)  # a unit holds no secrets, and `systemctl cat` is for everybody
        done.append(f"wrote {path}")
        _run(["systemctl", "daemon-reload"])
        _run(["systemctl", "enable", path.name])
        try:
            _run(["systemctl", "restart", path.name])  # it may already run, with an older unit
        except SettingsError:
            raise SettingsError(
                f"{path.name} is installed but does not start; see: journalctl -u {self.name}"
            ) from None
        done.append(f"started {path.name}; see: journalctl -u {self.name}")
        return done

    def check(self, program: Path, folder: Path) -> None:
        """SettingsError if the service could not read it, or would take over another's folder."""
        for path in (program, Path(sys.base_prefix)):
            if any(path.is_relative_to(home) for home in _HOMES):
                raise SettingsError(
                    f"{path} is in a home directory, which the service cannot see; type: "
                    "python3 -m venv /opt/smartmeter && "
                    f"/opt/smartmeter/bin/pip install {self.source}"
                )
        if any(folder.is_relative_to(shared) for shared in _SHARED) or len(folder.parts) < 3:
            raise SettingsError(
                f"the configuration is in {folder}, but the service needs its own folder; "
                f"move it and its files into /etc/{self.name}"
            )

    def _program(self) -> Path:
        program = Path(sys.argv[0]).resolve()
        if program.name == self.name:
            return program
        return Path(sys.executable).parent / self.name


def _run(command: list[str]) -> None:
    result = subprocess.run(command, capture_output=True, text=True)
    if result.returncode:
        said = (result.stderr or result.stdout).strip().splitlines()[-1:] or ["no reason given"]
        raise SettingsError(f"{command[0]} failed: {said[0]}")
