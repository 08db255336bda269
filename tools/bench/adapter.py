"""adapter: telegram to PUBACK, and the heap it needs, on the virtual board

Measured from a telegram's last byte on the wire to the broker's answer to its publish (TLS, QoS 1),
one telegram at a time. Up to 20 ms of it are the adapter's pause between two reads of its port. The
speed is this machine's: an ESP32 takes 65 to 100 times as long to decode. TLS has
its memory outside the heap. Live is what the firmware uses of
it, without the board's stand-ins; slack is what its pools of names leave unused on a chip.
"""

import contextlib
import queue
import shutil
import statistics
import tempfile
from dataclasses import replace
from pathlib import Path

from tools.soak.adapter_run import MEMORY, AdapterRun, Way
from tools.table import Table, verdicts
from tools.virtual_board.memory import Heap, most

_TELEGRAMS = 200
_WARM = 20  # the first ones load modules
_LIMIT_MS = 100
_FEW = 10  # by then all modules of a form are loaded
# Ways of installing (boards/README.md) and some forms.
_WAYS = (
    ("files", Way("c3"), ("kaifa-ma309", "aidon-se", "dsmr-5", "sml")),
    ("raw", Way("classic", "raw"), ("kaifa-ma309", "dsmr-5", "sml")),
    ("ciphered", Way("classic", "ciphered"), ("kaifa-ma309",)),
    ("in place", Way("classic", in_place=True), ("kaifa-ma309", "aidon-se", "dsmr-5", "sml")),
)


def main() -> None:
    table = Table(
        ("board", 14),
        ("median ms", 9),
        ("95 % ms", 8),
        ("worst ms", 8),
        ("memory", 7),
        ("live at first", 13),
        ("at last", 8),
        ("slack", 6),
        ("names", 6),
    )
    results = []
    for binary, memory in MEMORY.items():
        with tempfile.TemporaryDirectory() as folder, AdapterRun(Path(folder), binary) as run:
            times = [_time(run) for _ in range(_WARM + _TELEGRAMS)][_WARM:]
            first = _heap(run)
            for _ in range(_TELEGRAMS):
                _time(run)
            last = _heap(run)
        times.sort()
        median, late = statistics.median(times), times[int(len(times) * 0.95)]
        live = (first.live, last.live, last.slack, last.names)
        table.row(binary, median, late, times[-1], memory, *live)
        results.append((binary, median))
    _heaps()
    verdicts(
        [
            (median < _LIMIT_MS, f"{binary}: half of all within {_LIMIT_MS} ms: {median:.0f}")
            for binary, median in results
        ]
    )


def _heaps() -> None:
    """Heap of each way and form, on a board without PSRAM, and the smallest that is enough."""
    table = Table(
        ("way", 10),
        ("memory", 8),
        ("form", 14),
        ("live, connected", 15),
        ("live, 10 readings", 17),
        ("slack", 6),
        ("names", 6),
        ("areas", 6),
        ("least kB", 9),
    )
    with tempfile.TemporaryDirectory() as images:
        for name, way, forms in _WAYS:
            for form in forms:
                image = Path(images) / "flash.img"
                with (
                    tempfile.TemporaryDirectory() as folder,
                    AdapterRun(Path(folder), "micropython32", way=way, form=form) as run,
                ):
                    first = run.board.heap()
                    for _ in range(_FEW):
                        _time(run)
                    last = _heap(run)
                    shutil.copy(run.board.folder / "flash.img", image)
                row = (first.live, last.live, last.slack, last.names, last.areas)
                table.row(name, way.memory, form, *row, _least(way, form, last.live, image))


def _least(way: Way, form: str, live: int, image: Path) -> int:
    """The smallest heap in units of 1024 bytes that reads ten telegrams in a row."""
    low, high = live // 1024, most(way.memory) + 1
    while low < high:
        middle = (low + high) // 2
        if _is_enough(replace(way, memory=middle), form, image):
            high = middle
        else:
            low = middle + 1
    return low


def _is_enough(way: Way, form: str, image: Path) -> bool:
    with (
        contextlib.suppress(queue.Empty),
        tempfile.TemporaryDirectory() as folder,
        AdapterRun(Path(folder), "micropython32", image, way=way, form=form) as run,
    ):
        for _ in range(_FEW):
            run.send()
            run.next(run.readings)
        return "memory" not in run.board.console()
    return False


def _time(run: AdapterRun) -> float:
    """Milliseconds from the telegram's end to the acknowledgement of its reading."""
    answered = run.passage.answered
    while True:  # late ones of the telegram before
        try:
            answered.get(timeout=0.01)
        except queue.Empty:
            break
    run.send()
    done = answered.get(timeout=30)
    run.readings.get(timeout=30)
    return (done - run.sent_at) * 1000


def _heap(run: AdapterRun) -> Heap:
    """What it uses after collection, at the status of the next minute."""
    while not run.statuses.empty():
        run.statuses.get()
    run.board.pass_time(61, 61)
    run.status()
    return run.board.heap()
