"""A private mosquitto on localhost, for the demo, the tests and the benches."""

import os
import signal
import socket
import subprocess
import time
from pathlib import Path
from types import TracebackType

from tools.environment.prepare import program

_START_SECONDS = 10.0


def free_port(first: int | None = None) -> int:
    """A TCP port that nothing listens on: the next one from `first`, or any."""
    for port in range(first, first + 200) if first else (0,):
        with socket.socket() as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                s.bind(("127.0.0.1", port))
            except OSError:
                continue
            found: int = s.getsockname()[1]
            return found
    raise OSError(f"no port from {first} to {first + 199 if first else 0} is free")


class Mosquitto:
    """mosquitto on localhost:port; its configuration and log are in `folder`.

    users: name -> password; None lets everybody in.
    tls: (ca, certificate, key) files. client_certificates: a certificate from the CA is the
    only way in, and its common name is the user.
    rules: lines of an access list (mosquitto.conf, acl_file).
    settings: further lines of mosquitto.conf.
    """

    def __init__(
        self,
        folder: Path,
        port: int | None = None,
        users: dict[str, str] | None = None,
        tls: tuple[Path, Path, Path] | None = None,
        client_certificates: bool = False,
        rules: list[str] | None = None,
        settings: list[str] | None = None,
    ) -> None:
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.port = port or free_port()
        self.log = self.folder / "mosquitto.log"
        self._process: subprocess.Popen[bytes] | None = None
        lines = [
            f"listener {self.port} 127.0.0.1",
            "persistence false",
            "log_dest stderr",
            "max_queued_messages 0",  # no limit: the chain limits what is in flight by receipts
            "set_tcp_nodelay true",
        ]
        if os.geteuid() == 0:
            lines.append(
                "user root"
            )  # otherwise it would give up root, and could no longer read the keys
        if tls:
            ca, certificate, key = tls
            lines += [f"cafile {ca}", f"certfile {certificate}", f"keyfile {key}"]
            if client_certificates:
                lines += ["require_certificate true", "use_identity_as_username true"]
        if users is not None:
            lines += ["allow_anonymous false", f"password_file {self._password_file(users)}"]
        else:
            lines.append(f"allow_anonymous {'false' if client_certificates else 'true'}")
        self._acl = self.folder / "mosquitto.acl"
        if rules is not None:
            self.allow(rules)
            lines.append(f"acl_file {self._acl}")
        self.configuration = self.folder / "mosquitto.conf"
        self.configuration.write_text("\n".join(lines + (settings or [])) + "\n")

    def allow(self, rules: list[str]) -> "Mosquitto":
        """Replace the access list; it counts from the next start."""
        self._acl.write_text("\n".join(rules) + "\n")
        self._acl.chmod(0o600)
        return self

    def _password_file(self, users: dict[str, str]) -> Path:
        path = self.folder / "mosquitto.passwords"
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as f:
            f.writelines(f"{name}:{password}\n" for name, password in users.items())
        # -U replaces the passwords by hashes, so none is passed as an argument
        subprocess.run(
            [program("mosquitto", "mosquitto_passwd"), "-U", str(path)],
            check=True,
            capture_output=True,
        )
        return path

    def start(self) -> "Mosquitto":
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [program("mosquitto"), "-c", str(self.configuration)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        until = time.monotonic() + _START_SECONDS
        while time.monotonic() < until:
            if self._process.poll() is not None:
                break
            with socket.socket() as s:
                if s.connect_ex(("127.0.0.1", self.port)) == 0:
                    return self
            time.sleep(0.02)
        self.stop()
        last = self.log.read_text(errors="replace").strip().splitlines()[-1:] or [
            "it printed nothing"
        ]
        raise RuntimeError(f"mosquitto did not start on port {self.port}: {last[0]}")

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def reread(self) -> None:
        """Makes it reload its access list, certificates and passwords."""
        assert self._process is not None
        self._process.send_signal(signal.SIGHUP)

    def stop(self) -> None:
        if self._process and self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(5)
            except subprocess.TimeoutExpired:
                self._process.kill()
        if self._process:
            self._process.wait()
            self._process = None

    def kill(self) -> None:
        """As a power cut ends it (SIGKILL)."""
        if self._process:
            self._process.kill()
            self._process.wait()
            self._process = None

    def __enter__(self) -> "Mosquitto":
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
