"""The core's tests again, under real MicroPython of both word sizes.

An ESP32 has words of 32 bits: small ints of 31, and a heap in blocks of 16 bytes. So has
the 32-bit build, which shows what the 64-bit one hides.
It also runs the core as `tools.flash` compiles it, the other its sources.
"""

import subprocess
from pathlib import Path

import pytest

from tools.environment.debian import Unavailable
from tools.environment.prepare import program
from tools.mpy import Program

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parent.parent
TESTS = HERE.parent / "core"
# What compares with other programs, or draws its own examples, is for CPython.
MODULES = sorted(
    path.relative_to(TESTS).with_suffix("").as_posix()
    for path in TESTS.rglob("test_*.py")
    if not path.stem.endswith("_properties") and "import pytest" not in path.read_text()
)


@pytest.fixture(scope="session")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The core in lib/, and the tests in core/, which have to know the same modules and names.

    Modules that only servers use are there, too, which no board has.
    """
    folder = tmp_path_factory.mktemp("compiled")
    tests = {f"core/{p.relative_to(TESTS)}": p.read_text() for p in TESTS.rglob("*.py")}
    core = {
        path.relative_to(REPOSITORY / "firmware").as_posix(): path.read_text()
        for path in (REPOSITORY / "firmware" / "lib").rglob("*.py")
        if path.stat().st_size and not path.stem.endswith("_native")
    }
    whole = Program(core | tests)
    files = whole.files("lib/") | {n: t.encode() for n, t in whole.texts.items() if n in tests}
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


@pytest.mark.parametrize("interpreter", ["micropython", "micropython32"])
@pytest.mark.parametrize("module", MODULES)
def test_the_same_tests_hold(interpreter: str, module: str, compiled: Path) -> None:
    try:
        starter = program(interpreter)
    except Unavailable as why:
        pytest.skip(str(why))
    library, tests = REPOSITORY / "firmware" / "lib", TESTS
    if interpreter == "micropython32":
        library, tests = compiled / "lib", compiled / "core"
    run = subprocess.run(
        [starter, "-X", "heapsize=2M", "on_micropython.py"] + [str(library), str(tests), module],
        cwd=HERE,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert "ok  " in run.stdout
