"""startup: the time to import the core under CPython, and what it loads

Each import in fresh interpreters, compiled before (as pip leaves a package), median of several;
what the interpreter itself loads at its start is taken off. Resident memory is what it adds.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from tools.table import Table, verdicts

_RUNS = 9
_LIMIT_MS = 15
_CORE = Path(__file__).resolve().parents[2] / "firmware" / "lib"

# what is imported: the core, the core with a first telegram's worth of key, and the peers
_SUBJECTS = {
    "smartmeter": "import smartmeter",
    "smartmeter, a key given": "import smartmeter; smartmeter.Receiver(key=bytes(16))",
    "gurux-dlms": "import gurux_dlms.secure",
    "dlms-cosem": "import dlms_cosem.hdlc.frames, dlms_cosem.protocol.xdlms, dlms_cosem.utils",
    "smllib": "import smllib",
    "dsmr-parser": "import dsmr_parser.parsers",
}

_PROBE = """
import json, sys, time
def resident():
    try:
        with open("/proc/self/statm") as f:
            return int(f.read().split()[1]) * 4
    except OSError:
        return 0
before, memory, begin = set(sys.modules), resident(), time.perf_counter()
{what}
spent = time.perf_counter() - begin
new = set(sys.modules) - before
foreign = sorted({{m.split(".")[0] for m in new}} - set(sys.stdlib_module_names) - {{"smartmeter"}})
print(json.dumps([spent * 1000, len(new), resident() - memory, foreign]))
"""


def main() -> None:
    table = Table(
        ("import", 26), ("ms", 6), ("modules", 7), ("memory kB", 9), ("third-party packages", 24)
    )
    results: dict[str, tuple[float, list[str]]] = {}
    with tempfile.TemporaryDirectory() as compiled:
        for name, what in _SUBJECTS.items():
            found = _measure(what, compiled)
            if found is None:
                table.row(name, "missing", None, None, None)
                continue
            spent, modules, memory, foreign = found
            results[name] = spent, foreign
            table.row(name, spent, modules, memory, ", ".join(foreign[:3]) or "none")
    spent, foreign = results["smartmeter"]
    verdicts(
        [
            (spent < _LIMIT_MS, f"the core imports in under {_LIMIT_MS} ms: {spent:.1f}"),
            (
                not foreign,
                f"no third-party package before a key needs one: {', '.join(foreign) or 'none'}",
            ),
        ]
    )


def _measure(what: str, compiled: str) -> tuple[float, int, int, list[str]] | None:
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("PYTHON")
    }
    environment |= {"PYTHONPATH": str(_CORE), "PYTHONPYCACHEPREFIX": compiled}
    probe = [sys.executable, "-c", _PROBE.format(what=what)]
    runs = []
    for _ in range(_RUNS + 1):  # the first one compiles
        done = subprocess.run(probe, capture_output=True, text=True, env=environment)
        if done.returncode:
            return None
        runs.append(json.loads(done.stdout))
    runs = runs[1:]
    return (
        statistics.median(run[0] for run in runs),
        runs[0][1],
        int(statistics.median(run[2] for run in runs)),
        runs[0][3],
    )
