"""`make demo`: the whole chain on this machine, from virtual meters to a page, until Ctrl-C.

DEMO_SECONDS=N   end after N seconds, but not before each meter has sent something, and print
                 what was sent against what is stored;
                 exit status 0 only with nothing lost and nothing wrong
DEMO_DIR=FOLDER  keep all data there (default: a temporary folder, removed at the end)
"""

import argparse
import contextlib
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

from tools.chain.account import Account, Progress, account, table
from tools.chain.adapter import Adapter, AdapterFailed
from tools.chain.box import wait_until
from tools.chain.chain import METERS, Chain, has
from tools.environment.debian import Unavailable

_FIRST_SECONDS = 30.0  # a meter sends every 5 s
_DRAIN_SECONDS = 30.0  # for what is in flight when the meters have stopped


class Stop(Exception):
    """Ctrl-C, or SIGTERM."""


class Failed(Exception):
    """Why the demo cannot go on; one sentence."""


def say(text: str) -> None:
    print(f"demo: {text}", flush=True)


def _seconds() -> float | None:
    text = os.environ.get("DEMO_SECONDS", "").strip()
    if not text:
        return None
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < 1e7:
        raise Failed(
            f"DEMO_SECONDS is {text!r}; give the seconds to run, for example DEMO_SECONDS=60"
        )
    return seconds


@contextlib.contextmanager
def _folder() -> Iterator[Path]:
    given = os.environ.get("DEMO_DIR", "").strip()
    if given:
        folder = Path(given).expanduser()
        try:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "logs").mkdir(exist_ok=True)
        except OSError as why:
            raise Failed(f"DEMO_DIR {folder} cannot be used: {why.strerror}") from None
        if (folder / "cloud.sqlite").exists():
            raise Failed(
                f"DEMO_DIR {folder} contains an earlier demo; choose a new folder, or remove it"
            )
        yield folder
        return
    folder = Path(tempfile.mkdtemp(prefix="smartmeter-demo-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _accounts(chain: Chain) -> list[Account]:
    return [account(m.id, chain.truth(m), chain.database) for m in METERS]


class _StatusLine:
    """One line that shows the progress; rewritten on a terminal, otherwise written now and then."""

    def __init__(self, chain: Chain) -> None:
        self._page = chain.page
        self._meters = [Progress(m.id, chain.truth(m), chain.database) for m in METERS]
        self._terminal = sys.stdout.isatty()
        self._written = 0.0

    def all_sent(self) -> bool:
        """Whether each meter has sent something."""
        return all(meter.counts()[0] for meter in self._meters)

    def show(self, seconds: float) -> None:
        now = time.monotonic()
        if not self._terminal and now - self._written < 10:
            return
        self._written = now
        counts = [(m.meter, *m.counts()) for m in self._meters]
        parts = [f"{meter} {stored}/{sent}" for meter, sent, stored in counts]
        line = f"demo: {self._page}  {int(seconds)} s  stored/sent: {'  '.join(parts)}"
        if self._terminal:
            width = shutil.get_terminal_size().columns - 1
            print(f"\r\033[K{line[:width]}", end="", flush=True)
        else:
            print(line, flush=True)

    def end(self) -> None:
        if self._terminal:
            print(flush=True)


def _check(chain: Chain) -> None:
    for box in chain.ended():
        raise Failed(f"{box.name} has ended unexpectedly: {box.last_words()}")


def _set_up(chain: Chain) -> Adapter | None:
    chain.start(say)
    time.sleep(1)  # a box that cannot start ends within this time, and says why
    _check(chain)
    say(f"page: {chain.login()}   (this link logs you in once; Ctrl-C ends all)")
    if not chain.board:
        return None
    adapter = Adapter(chain)
    say("adapter: flashing a virtual board with mpremote, as the README says for an ESP32")
    adapter.flash()
    say("adapter: provisioning it with tools.provision")
    adapter.provision(say)
    return adapter


def _run(chain: Chain, seconds: float | None) -> None:
    status = _StatusLine(chain)
    begun = time.monotonic()
    try:
        while not _is_over(time.monotonic() - begun, seconds, status):
            _check(chain)
            status.show(time.monotonic() - begun)
            time.sleep(1 if seconds is None else min(1, seconds / 10))
    finally:
        status.end()


def _is_over(since: float, seconds: float | None, status: _StatusLine) -> bool:
    if seconds is None or since < seconds:
        return False
    return status.all_sent() or since > seconds + _FIRST_SECONDS


def _balance(chain: Chain) -> int:
    """Stops the meters, lets what is in flight arrive, and prints the table."""
    say("stopping the meters, waiting for what is in flight ...")
    chain.stop_meters()
    with contextlib.suppress(TimeoutError):
        wait_until(
            lambda: all(a.lost == 0 for a in _accounts(chain)), _DRAIN_SECONDS, "the last reading"
        )
    accounts = _accounts(chain)
    print(table(accounts), flush=True)
    good = all(a.sent and not a.lost and not a.wrong for a in accounts)
    return 0 if good else 1


def demo() -> int:
    seconds = _seconds()
    with _folder() as folder:
        board = has("micropython") and has("umqtt")
        embedded = not has("mosquitto")
        if not board:
            say("MicroPython is not available; the Concentrator reads all three meters itself")
        chain = Chain(folder, board=board, embedded=embedded)
        adapter = None
        try:
            adapter = _set_up(chain)
            _run(chain, seconds)
            return _balance(chain)
        except Stop:
            print(flush=True)
            say("ending ...")
            return 0
        finally:
            _ignore_signals()
            if adapter:
                adapter.stop()
            chain.stop()
            if os.environ.get("DEMO_DIR"):
                say(f"the data is in {folder}")


def _ignore_signals() -> None:
    """Ignores a second Ctrl-C while ending, which would leave orphans."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)


def _stop(number: int, frame: FrameType | None) -> None:
    raise Stop


def main() -> int:
    argparse.ArgumentParser(
        prog="python -m tools.demo",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    ).parse_args()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _stop)
    try:
        return demo()
    except Stop:
        return 130
    except (Failed, Unavailable, AdapterFailed, TimeoutError, RuntimeError, OSError) as why:
        print(f"demo: {why}", file=sys.stderr, flush=True)
        return 1


if __name__ == "__main__":
    sys.exit(main())
