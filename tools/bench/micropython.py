"""micropython: heap and time of the core under MicroPython, 32 bit like an ESP32

The unix port's 32-bit build has the words, the small ints and the heap blocks of an ESP32, so
its heap figures are an ESP32's; its times are this machine's. The core is compiled by mpy-cross,
as it lies on a device. The telegram: encrypted, with a tag, 500 bytes or more of M-Bus, fed in
pieces of 64 bytes as a UART gives them. All figures in bytes or us.

"A 48 kB heap after import" is read as: with the core imported, 48 kB are enough for all the rest,
decoder modules, telegram and reading included. The smallest heap with the import in it, which is
the stricter reading, is shown beside it, for this telegram, for a P1 text and for SML.
"""

import ast
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from tools.environment.debian import Unavailable
from tools.environment.prepare import program
from tools.flash import sources
from tools.meters.dlms import every
from tools.meters.forms import FORMS
from tools.mpy import DoesNotCompile, Program
from tools.table import Table, verdicts

from .telegrams import Telegrams, of_form

_SCRIPT = Path(__file__).with_name("on_micropython.py")
_HEAP = 48 * 1024
_TELEGRAM = 500
_MANY = 10_000
_GARBAGE_LIMIT = 6 * 1024
_IMPORT_LIMIT = 40 * 1024
_SECONDS = 600


def main() -> None:
    table = Table(("MicroPython", 48), ("32 bit", 10), ("64 bit", 10))
    with tempfile.TemporaryDirectory() as folder:
        library = Path(folder) / "lib"
        try:
            size = _compile(library)
        except DoesNotCompile as why:
            print(why)
            return
        telegrams = long_telegrams(_MANY + 300)
        figures = {}
        heaps: list[tuple[int, str]] = []
        for name in ("micropython32", "micropython"):
            try:
                figures[name] = _figures(program(name), Path(folder), telegrams)
                heaps = heaps or _Device(program(name), Path(folder), telegrams).modules()
            except Unavailable as why:
                print(f"{name} is left out: {why}")
    if not figures:
        return
    rows = {
        "bytes of a telegram": len(telegrams.wires[0]),
        "bytes of .mpy in all": size,
    }
    for text, value in rows.items():
        table.row(text, value, value)
    for text in next(iter(figures.values())):
        table.row(text, *[figures.get(n, {}).get(text) for n in ("micropython32", "micropython")])
    if "micropython32" in figures:
        verdicts(_verdicts(figures["micropython32"]))
        print("\nheap of each module that this telegram loads, 32 bit, names included:")
        for size, name in heaps:
            print(f"  {size:6} {name}")


_IMPORT = "heap that the import takes"
_IMPORT_ALL = "heap with all that a first such telegram loads"
_LEAST = "smallest heap that decodes it, import included"
_LEAST_P1 = "smallest heap that decodes P1 (DSMR 5)"
_LEAST_SML = "smallest heap that decodes SML"
_GARBAGE = "garbage of a telegram"
_GROWTH = f"growth over {_MANY} telegrams"
_TIME = "time of a telegram, us"


def _verdicts(found: dict[str, int]) -> list[tuple[bool, str]]:
    return [
        (
            found[_LEAST] - found[_IMPORT] <= _HEAP,
            f"a {_TELEGRAM}-byte telegram with tag decodes in {_HEAP} bytes of heap after import: "
            f"{found[_LEAST] - found[_IMPORT]} are enough",
        ),
        (
            found[_GARBAGE] < _GARBAGE_LIMIT,
            f"garbage under {_GARBAGE_LIMIT} a telegram: {found[_GARBAGE]}",
        ),
        (found[_GROWTH] <= 0, f"no growth over {_MANY} telegrams: {found[_GROWTH]}"),
        (found[_IMPORT] < _IMPORT_LIMIT, f"import under {_IMPORT_LIMIT}: {found[_IMPORT]}"),
    ]


def long_telegrams(count: int) -> Telegrams:
    """Ciphered, tagged M-Bus telegrams of at least 500 bytes: the MA309's list made longer."""
    seconds, items = FORMS["kaifa-ma309"].lists["all"]  # type: ignore[attr-defined]
    more = ("21.7.0", "22.7.0", "41.7.0", "42.7.0", "61.7.0", "62.7.0")
    return of_form(
        "kaifa-ma309",
        count=count,
        security=0x30,
        lists={"all": (seconds, items + every("u32", 0, "1-0:", *more))},
    )


def _compile(library: Path) -> int:
    """The core's .mpy files below library; returns their total bytes."""
    program = Program(sources() | {_SCRIPT.name: _SCRIPT.read_text()})
    files = program.files("lib/") | {_SCRIPT.name: program.texts[_SCRIPT.name].encode()}
    for name, data in files.items():
        target = library / name.removeprefix("lib/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    return sum(len(data) for name, data in files.items() if name.endswith(".mpy"))


class _Device:
    """An interpreter with the compiled core, fed one file of telegrams of one size."""

    def __init__(self, interpreter: str, folder: Path, telegrams: Telegrams) -> None:
        self._interpreter = interpreter
        self._library = folder / "lib"
        self._wire = folder / telegrams.link
        self._wire.write_bytes(b"".join(telegrams.wires))
        # the test keys, of the project's own virtual meter
        keys = [(key or b"").hex() or "-" for key in (telegrams.key, telegrams.auth_key)]
        self._arguments = [str(len(telegrams.wires[0])), str(_MANY), *keys]

    def run(self, heap: int, what: str) -> dict[str, Any] | None:
        """The result of on_micropython.py; None if the heap is too small."""
        command = [self._interpreter, "-X", f"heapsize={heap}", "-m", _SCRIPT.stem]
        done = subprocess.run(
            [*command, str(self._wire), what, *self._arguments],
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            env=os.environ | {"MICROPYPATH": str(self._library)},
        )
        if done.returncode:
            if what != "least":
                raise RuntimeError(f"{what}: {done.stdout}{done.stderr}")
            return None
        found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return found

    def least(self) -> int:
        """The smallest heap, in whole kB, that reads some telegrams in a row."""
        low, high = 16, 257
        while low < high:
            middle = (low + high) // 2
            if self.run(middle << 10, "least"):
                high = middle
            else:
                low = middle + 1
        return low << 10

    def modules(self) -> list[tuple[int, str]]:
        """(heap, name) of each module that a telegram loads, the largest first.

        Each is imported behind those that it imports.
        """
        loaded = (self.run(1 << 20, "once") or {})["modules"]
        self._wire.with_name("order").write_text(" ".join(_in_order(loaded)))
        heaps = (self.run(1 << 20, "modules") or {})["heaps"]
        return sorted(((size, name) for name, size in heaps), reverse=True)


def _in_order(modules: list[str]) -> list[str]:
    """Merged modules of the core, each after those that it imports when loaded."""
    texts = Program(sources()).texts
    ordered: list[str] = []

    def add(name: str) -> None:
        text = texts.get(f"lib/{name.replace('.', '/')}.py", texts["lib/smartmeter/__init__.py"])
        if name in ordered or name not in modules:
            return
        for node in ast.parse(text).body:
            if isinstance(node, ast.ImportFrom | ast.Import):
                add(node.module or "" if isinstance(node, ast.ImportFrom) else node.names[0].name)
        ordered.append(name)

    for name in sorted(modules):
        add(name)
    return ordered


def _figures(interpreter: str, folder: Path, telegrams: Telegrams) -> dict[str, int | float]:
    device = _Device(interpreter, folder, telegrams)
    roomy = device.run(1 << 20, "once")
    print(f"{_MANY} telegrams under {Path(interpreter).name} ...", file=sys.stderr, flush=True)
    many = device.run(1 << 19, "many")
    assert roomy is not None
    assert many is not None
    return {
        _IMPORT: roomy["import"],
        _IMPORT_ALL: roomy["loaded"],
        _LEAST: device.least(),
        _LEAST_P1: _Device(interpreter, folder, of_form("dsmr-5", count=30)).least(),
        _LEAST_SML: _Device(interpreter, folder, of_form("sml", count=30)).least(),
        _GARBAGE: many["garbage"],
        _GROWTH: many["growth"],
        _TIME: many["us"],
    }
