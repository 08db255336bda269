"""Starts mpremote, for the tools that talk to a board. Input goes through a pipe."""

import subprocess
import sys

_SECONDS = 180  # the whole firmware onto a board at 115200 baud takes one minute


class BoardRefused(Exception):
    """Why a board did not do what was asked; one sentence."""


def mpremote(*arguments: str, given: str | None = None) -> str:
    """Run mpremote and return its output. Never pass a secret as argument; `given` is its stdin."""
    try:
        done = subprocess.run(
            [sys.executable, "-m", "mpremote", *arguments],
            input=given,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
        )
    except subprocess.TimeoutExpired:  # it waits forever for a byte that was lost
        raise BoardRefused(
            "the board does not answer; unplug it, plug it in, and try again"
        ) from None
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines()[-1:] or ["no reason given"]
        raise BoardRefused(f"mpremote: {said[0]}")
    return done.stdout
