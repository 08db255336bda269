"""The adapter of meter a: the real firmware on a virtual board, installed as on a real one."""

import subprocess
import sys
import tempfile
from collections.abc import Callable

from tools.chain.chain import METERS, Chain
from tools.environment.prepare import REPOSITORY
from tools.virtual_board import VirtualBoard

_WATCH_SECONDS = 90


class AdapterFailed(Exception):
    """One sentence on why the adapter could not be set up."""


class Adapter:
    """A virtual board on meter a's port, flashed by mpremote and provisioned by tools.provision."""

    def __init__(self, chain: Chain, micropython: str = "micropython") -> None:
        self._chain = chain
        self._meter = METERS[0]
        self.board = VirtualBoard(
            chain.folder / "board",
            uart=chain.port_link(self._meter),
            micropython=micropython,
            line="2400 8E1",
        ).start()

    def flash(self) -> None:
        """Runs `mpremote cp -r firmware/. :`, as the README says."""
        self._do(
            [sys.executable, "-m", "mpremote", "connect", self.board.port]
            + ["cp", "-r", f"{REPOSITORY / 'firmware'}/.", ":"],
            "mpremote could not copy the firmware",
        )

    def provision(self, say: Callable[[str], None]) -> None:
        """Runs tools.provision, with answers from a file and secrets through a pipe."""
        config = self._chain.folder / "adapter.toml"
        config.write_text(
            f'board = "ESP32_GENERIC"\n[meter]\nid = "{self._meter.id}"\n[wifi]\nssid = "virtual"\n'
            f'[broker]\nhost = "localhost"\nport = {self._chain.lan_port}\nuser = "adapter"\n'
            f'ca = "{self._chain.certificates.certificate_path}"\n'
        )
        password = self._chain.secret_file("adapter").read_text().strip()
        key = self._chain.key_file(self._meter, "key").read_text().strip()
        self._do(
            [sys.executable, "-u", "-m", "tools.provision", "--board", self.board.port]
            + ["--config", str(config), "--secrets", "-", "--timeout", str(_WATCH_SECONDS)],
            "the adapter could not be provisioned",
            f"broker_password={password}\nmeter_key={key}\n",
            lambda line: say(f"adapter: {line.rstrip()}"),
        )

    def _do(
        self,
        command: list[str],
        failed: str,
        given: str = "",
        say: Callable[[str], None] = lambda line: None,
    ) -> None:
        """Runs a command to its end, and passes on each line as it is printed."""
        with tempfile.TemporaryFile("w+") as errors:
            process = subprocess.Popen(
                command,
                cwd=REPOSITORY,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                start_new_session=True,
            )
            assert process.stdin
            assert process.stdout
            try:
                process.stdin.write(given)
                process.stdin.close()
                last = ""
                for line in process.stdout:
                    last = line.strip() or last
                    say(line)
                status = process.wait()
            except BaseException:
                process.kill()
                process.wait()
                raise
            if status:
                errors.seek(0)
                reason = (errors.read().strip() or last or "it printed nothing").splitlines()[-1]
                raise AdapterFailed(f"{failed}: {reason}")

    def stop(self) -> None:
        self.board.close()
