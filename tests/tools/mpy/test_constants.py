"""What a compiled module leaves out, and what it keeps."""

import ast

from tools.mpy.constants import Constants

_BOX = """
from sys import implementation

TYPE_CHECKING = False  # for mypy
if TYPE_CHECKING:
    from typing import Any

_LIMIT = 0x10  # bytes
LIMIT = 1 << 3
SIZE = 2 * LIMIT
NAMES = ("a much longer constant", "than its name")
_SIDES = ("left", "right", "top", "bottom", "back")
COUNT = len(NAMES)
LEAST = -1
_changes = 1
_CHANGES = 1
_CHANGES = 2
_IS_LARGE = implementation.name != "micropython"


class Box:
    __slots__ = (
        "left",
        "right",
    )

    def __init__(self):
        self.left = _LIMIT - LEAST
        self.right = _IS_LARGE


def fails(kind=(_LIMIT, LEAST)):
    raise ValueError
"""
_USER = """
from . import box
from .box import (
    LEAST,
    NAMES as KNOWN,
)


def size(of):
    from .box import LEAST
    return [of, LEAST, box.LEAST, box.NAMES, KNOWN]
"""
_SOURCES = {"lib/more/box.py": _BOX, "lib/more/user.py": _USER}


def _for_device(name: str) -> str:
    return Constants(_SOURCES).for_device(f"lib/more/{name}.py")


def test_what_only_mypy_and_cpython_need_is_left_out() -> None:
    text = _for_device("box")
    assert "typing" not in text
    assert "__slots__" not in text
    assert "implementation" not in text
    assert "self.right = False" in text


def test_a_constant_stands_where_its_name_stood() -> None:
    text = _for_device("box")
    assert "_LIMIT" not in text
    assert "LEAST" not in text
    assert "self.left = 16 - (-1)" in text
    assert "kind=(16, (-1))" in text
    assert "LIMIT" not in text
    assert "SIZE" not in text


def test_a_table_of_texts_is_there_once() -> None:
    assert '_SIDES = ("left", "right", "top", "bottom", "back")' in _for_device("box")


def test_what_is_computed_or_changes_stays_a_variable() -> None:
    text = _for_device("box")
    assert "\nCOUNT = len(NAMES)" in text
    assert "\n_changes = 1" in text
    assert "\n_CHANGES = 1" in text
    assert "\n_CHANGES = 2" in text


def test_other_modules_get_short_constants_without_an_import() -> None:
    lines = [line.strip() for line in _for_device("user").split("\n") if line.strip()]
    assert lines == [
        "from . import box",
        "from .box import NAMES as KNOWN",
        "def size(of):",
        "pass",
        "return [of, (-1), (-1), box.NAMES, KNOWN]",
    ]
    assert "NAMES = (" in _for_device("box")


def test_lines_keep_their_numbers() -> None:
    lines = [
        next(n.lineno for n in ast.walk(ast.parse(text)) if isinstance(n, ast.Raise))
        for text in (_BOX, _for_device("box"))
    ]
    assert lines[0] == lines[1]
