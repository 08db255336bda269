"""Starts mpremote, for the tools that talk to a board. Secrets go through a pipe."""

import subprocess
import sys

_SECONDS = 180  # the whole firmware onto a board at 115200 baud takes one minute
_SCRIPT_SECONDS = 30
_TRIES = 2
_SILENT = "the board does not answer; unplug it, plug it in, and try again"

# `mpremote run` needs a file, and Windows has no /dev/stdin; so its library runs the script.
_RUN = """
import sys
from mpremote.transport import TransportError, TransportExecError
from mpremote.transport_serial import SerialTransport
try:
    board = SerialTransport(sys.argv[1])
    try:
        board.enter_raw_repl()
    except TransportError:
        sys.exit(3)
    sys.stdout.write(board.exec(sys.stdin.buffer.read()).decode())
    board.exit_raw_repl()
    board.close()
except TransportExecError as why:
    sys.exit(why.error_output.strip().splitlines()[-1])
except (TransportError, OSError) as why:
    sys.exit(str(why))
"""


_NO_PROMPT = 3  # its exit status where the raw REPL does not answer in 10 s


class BoardRefused(Exception):
    """Why a board did not do what was asked; one sentence."""


class _Silent(BoardRefused):
    """The board stopped answering."""


def mpremote(*arguments: str, given: str | None = None) -> str:
    """Runs mpremote and returns its output. `given` is its stdin."""
    return _run("-m", "mpremote", *arguments, given=given, seconds=_SECONDS)


def run_script(port: str, script: str) -> str:
    """The output of a MicroPython program that a board runs; it must be safe to run twice."""
    for _ in range(_TRIES - 1):
        # mpremote waits forever for a byte that was lost, and a board may be slow to start
        try:
            return _run("-c", _RUN, port, given=script, seconds=min(_SCRIPT_SECONDS, _SECONDS))
        except _Silent:
            continue
    return _run("-c", _RUN, port, given=script, seconds=min(_SCRIPT_SECONDS, _SECONDS))


def _run(*arguments: str, given: str | None, seconds: float) -> str:
    try:
        done = subprocess.run(
            [sys.executable, *arguments],
            input=given,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=seconds,
        )
    except subprocess.TimeoutExpired:
        raise _Silent(_SILENT) from None
    if done.returncode == _NO_PROMPT:
        raise _Silent(_SILENT)
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines()[-1:] or ["no reason given"]
        raise BoardRefused(f"mpremote: {said[0]}")
    return done.stdout
