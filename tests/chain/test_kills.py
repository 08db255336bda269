"""Every process of the chain is killed in the middle of traffic; the store still has everything.

What a process has read off a serial port and not yet put on disk dies with it, as bytes in a
UART do; so of the meters on the Concentrator's own ports the one telegram that is being taken
in when the Concentrator is killed may be missing. Whatever anybody acknowledged may not. The
adapter loses its power between two telegrams.
"""

import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path

import pytest

from tools.chain.account import Progress, account
from tools.chain.adapter import Adapter
from tools.chain.box import wait_until
from tools.chain.chain import METERS, Chain, has

DOWN_SECONDS = 2.0


@pytest.fixture
def running(tmp_path: Path) -> Iterator[tuple[Chain, Adapter]]:
    if not (has("micropython") and has("mosquitto")):
        pytest.skip("MicroPython or mosquitto is not here; see tools/environment/prepare.py")
    chain = Chain(tmp_path, board=True, embedded=False, any_port=True)
    adapter = None
    try:
        chain.start(print)
        adapter = Adapter(chain)
        adapter.flash()
        adapter.provision(print)
        yield chain, adapter
    finally:
        if adapter:
            adapter.stop()
        chain.stop()


@contextlib.contextmanager
def between_telegrams(chain: Chain, progress: Progress) -> Iterator[None]:
    """The adapter's meter pauses, and everything it has sent is stored."""
    meter = chain.boxes["meter a"].pid
    sent, _ = progress.counts()
    wait_until(lambda: progress.counts()[0] > sent, 60, "the end of a telegram")
    os.kill(meter, signal.SIGSTOP)
    try:
        wait_until(lambda: progress.counts()[1] == progress.counts()[0], 60, "the last telegram")
        yield
    finally:
        os.kill(meter, signal.SIGCONT)


def test_nothing_is_lost_and_nothing_double(running: tuple[Chain, Adapter]) -> None:
    chain, adapter = running
    progress = [Progress(m.id, chain.truth(m), chain.database) for m in METERS]

    def stored() -> list[int]:
        return [p.counts()[1] for p in progress]

    def more_than(before: list[int]) -> Callable[[], bool]:
        return lambda: all(n > b for n, b in zip(stored(), before, strict=True))

    wait_until(more_than([0, 0, 0]), 60, "a reading of each meter")
    killed: list[str] = []
    boxes = {n: chain.boxes[n] for n in ("concentrator", "ingest", "api")}
    for name, part in (chain.brokers | boxes | {"adapter": adapter.board}).items():
        with between_telegrams(chain, progress[0]) if name == "adapter" else nullcontext():
            part.kill()
            time.sleep(DOWN_SECONDS)
            before = stored()
        part.start()
        wait_until(more_than(before), 90, f"a reading of each meter after the kill of the {name}")
        killed.append(name)
    assert len(killed) == 6

    chain.stop_meters()

    def settled() -> bool:
        return all(p.counts()[1] >= p.counts()[0] for p in progress)

    with contextlib.suppress(TimeoutError):  # the accounts below say what is missing
        wait_until(settled, 30, "the last reading")
    by_adapter, *by_port = [account(m.id, chain.truth(m), chain.database) for m in METERS]
    assert (by_adapter.lost, by_adapter.wrong) == (0, 0), by_adapter
    for meter in by_port:
        assert meter.wrong == 0, meter
        assert meter.lost <= 1, meter
