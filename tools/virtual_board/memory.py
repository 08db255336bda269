"""How much heap MicroPython has on a board, and how much of it the firmware uses.

On an ESP32 the heap begins with one area and grows once, as long as the memory that Wi-Fi and TLS
leave lasts. The unix port has one area, so a class gives it the most that a chip can have. The
stand-ins live in the same heap. They are measured once for each binary, and come on top.
"""

import functools
import re
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

BOARD = Path(__file__).with_name("board.py")

# Units of 1024 bytes: (first area, at most). MICROPY_GC_INITIAL_HEAP_SIZE of the port's
# mpconfigport.h, and that doubled once (py/gc.c, gc_try_add_heap). A third area would be what TLS
# needs. With PSRAM the heap grows to megabytes, and 2 MB stand for that.
CLASSES = {"classic": (56, 112), "c3": (64, 128), "psram": (64, 2048)}
Memory = str | int  # a class, or how much there is at most, to see what a way of installing needs
# The allocation table takes 3 bits of each 16 bytes of heap (py/gc.c: two for the state of a block,
# one for finalisers), on 32 bit, and less on 64.
_TABLE = 1 + 3 / 128

# Names that came with a module are never given up. Their pools hold 20, 40, 80 ... entries, each
# pool in one piece, of 7 bytes an entry on 32 bit (py/qstr.c: pointer, 16 bits of hash, length).
_POOL_FIRST = 20
_ENTRY = 7
_NAMES_MAX = 1260  # of the firmware: with more, the next pool would take 9 kB


def pools(names: int) -> int:
    """Bytes that the pools of so many names take on a chip: the last one may be nearly empty."""
    size, held, entries = 0, 0, _POOL_FIRST
    while held < names:
        size += entries * _ENTRY
        held += entries
        entries *= 2
    return size


@dataclass(frozen=True)
class Heap:
    """Of the firmware alone.

    live:  bytes in use after collection, with 7 for each name
    names: how many it has brought
    slack: bytes of a chip's pools of names without a name in them. They come on top of `live`,
           which so has no steps.
    areas: how many a chip of the board's class has taken by then, at least
    """

    live: int
    names: int
    slack: int
    areas: int


@dataclass(frozen=True)
class StandIns:
    """What the board's stand-ins, asyncio among them, use before any firmware runs."""

    live: int
    names: int


_REPORT = re.compile(r"board: (\d+) bytes live\s+qstr pool: n_pool=\d+, n_qstr=(\d+)")


@functools.cache
def stand_ins(binary: str) -> StandIns:
    with tempfile.TemporaryDirectory() as folder:
        state = Path(folder)
        (state / "nvs").mkdir()
        (state / "flash.img").write_bytes(b"\xff" * 4096 * 512)
        (state / "air.json").write_text("{}")
        command = [binary, "-X", "heapsize=1m", str(BOARD), folder, "1", "measure", "-"]
        command += ["/dev/null", "-"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    found = _REPORT.search(done.stdout)
    assert found, done.stdout + done.stderr
    return StandIns(int(found[1]), int(found[2]))


def most(memory: Memory) -> int:
    return memory if isinstance(memory, int) else CLASSES[memory][1]


def heap_bytes(memory: Memory, binary: str) -> int:
    """The size of the heap that MicroPython is given for a class of boards.

    The pools that the firmware's names would take on a chip are among the stand-ins.
    """
    there = stand_ins(binary).live - pools(_NAMES_MAX)
    return most(memory) * 1024 + int(there * _TABLE)


def areas(memory: Memory, live: int) -> int:
    """How many areas a chip of this class needs for so many bytes: each doubles the heap."""
    first = memory if isinstance(memory, int) else CLASSES[memory][0]
    size, count = first * 1024, 1
    while size < live * _TABLE:
        size *= 2
        count += 1
    return count


def used(console: str, memory: Memory, binary: str) -> Heap:
    """By the last report on the console.

    The board writes one when the adapter makes its status, right after a collection.
    """
    own = stand_ins(binary)
    live, names = (int(x) for x in _REPORT.findall(console)[-1])
    names -= own.names
    live += names * _ENTRY - own.live
    slack = pools(names) - names * _ENTRY
    return Heap(live, names, slack, areas(memory, live + slack))
