"""One box of the chain: a process that is started, watched, ended or killed."""

import ctypes
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path

_PR_SET_PDEATHSIG = 1  # linux/prctl.h: what a child gets when its parent is gone
_libc = ctypes.CDLL(None)


def _die_with_parent() -> None:
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


class Box:
    """A process with its output in `log`; it ends with the process that started it."""

    def __init__(self, name: str, command: list[str], log: Path) -> None:
        self.name = name
        self.command = command
        self.log = log
        self.environment: Mapping[str, str] = os.environ
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**self.environment, "PYTHONUNBUFFERED": "1"},
                start_new_session=True,  # Ctrl-C only reaches the demo, which ends the boxes
                preexec_fn=_die_with_parent,
            )

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def stop(self, seconds: float = 10.0) -> int | None:
        """Ask it to end (SIGTERM); return its exit status, or None if it had to be killed."""
        if self._process is None:
            return 0
        process, self._process = self._process, None
        if process.poll() is None:
            process.terminate()
            try:
                return process.wait(seconds)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                return None
        return process.returncode

    def kill(self) -> None:
        """End it as a power cut does (SIGKILL)."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def last_words(self) -> str:
        """The last line it wrote: shown to the user if it ended unexpectedly."""
        lines = self.log.read_text(errors="replace").strip().splitlines()
        return lines[-1] if lines else "it printed nothing"


def wait_until(true: Callable[[], bool], seconds: float, what: str) -> None:
    """Return once true() is; TimeoutError, naming `what`, after seconds."""
    until = time.monotonic() + seconds
    while not true():
        if time.monotonic() > until:
            raise TimeoutError(f"{what} did not happen within {seconds:.0f} s")
        time.sleep(0.05)
