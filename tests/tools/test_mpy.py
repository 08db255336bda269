"""What a compiled module leaves out, and what it keeps."""

import ast
from pathlib import Path

import pytest

from tools.mpy import DoesNotCompile, compile_module, for_device

_SOURCE = """
TYPE_CHECKING = False  # for mypy
if TYPE_CHECKING:
    from typing import Any

_LIMIT = 0x10  # bytes
LIMIT = 16
_changes = 1
_changes = 2


class Box:
    __slots__ = (
        "left",
        "right",
    )

    def __init__(self):
        self.left = _LIMIT


def fails():
    raise ValueError
"""


def test_what_only_mypy_and_cpython_need_is_left_out() -> None:
    text = for_device(_SOURCE)
    assert "typing" not in text
    assert "__slots__" not in text
    assert "_LIMIT = const(16)" in text


def test_public_and_changing_numbers_stay_variables() -> None:
    text = for_device(_SOURCE)
    assert "\nLIMIT = 16" in text
    assert "_changes = const" not in text


def test_a_traceback_shows_the_lines_of_the_source() -> None:
    lines = [
        next(n.lineno for n in ast.walk(ast.parse(text)) if isinstance(n, ast.Raise))
        for text in (_SOURCE, for_device(_SOURCE))
    ]
    assert lines[0] == lines[1]


def test_a_source_that_does_not_compile_is_one_sentence(tmp_path: Path) -> None:
    source = tmp_path / "wrong.py"
    source.write_text("match 1:\n    case 1:\n        pass\n")
    with pytest.raises(DoesNotCompile, match=r"^mpy-cross refuses lib/wrong\.py: "):
        compile_module(source, "lib/wrong.py", tmp_path / "wrong.mpy")
