"""Which names a device does not have to know."""

import ast

from tools.mpy.names import (
    build_tables,
    drop_unused,
    shorten_arguments,
    shorten_attributes,
    without_annotations,
)


def _lines(tree: ast.Module) -> list[str]:
    return ast.unparse(tree).split("\n")


def test_arguments_are_short_unless_told_by_keyword() -> None:
    tree = ast.parse(
        "def add(first, second, *, scale=1):\n"
        "    return lambda third: (first + second + third) * scale\n"
        "def total(a):\n"
        "    return add(a, second, scale=2)(3)\n"
    )
    shorten_arguments([tree])
    assert [line for line in _lines(tree) if line] == [
        "def add(a, b, *, scale=1):",
        "    return lambda c: (a + b + c) * scale",
        "def total(a):",
        "    return add(a, second, scale=2)(3)",
    ]


def test_private_data_is_short_and_methods_keep_their_names() -> None:
    tree = ast.parse(
        "class Box:\n"
        "    def __init__(self):\n"
        "        self._size = self._lid = self.open = self._told = 0\n"
        "    def _close(self):\n"
        "        return self._close() + self._size\n"
        "class Large(Box):\n"
        "    def grow(self):\n"
        "        self._growth = self._size\n"
        "class Other:\n"
        "    def __init__(self, box):\n"
        "        self._state = box._told\n"
        "class Stream(io.IOBase):\n"
        "    def __init__(self):\n"
        "        self._wire = 1\n"
    )
    shorten_attributes([tree])
    assert [line.strip() for line in _lines(tree) if "=" in line or "return" in line] == [
        "self.c = self.b = self.open = self._told = 0",
        "return self._close() + self.c",
        "self.a = self.c",
        "self.a = box._told",
        "self._wire = 1",  # what IOBase has is not known
    ]


def test_what_nobody_names_is_dropped() -> None:
    used = ast.parse("'words'\ndef used(): pass\ndef unused(): return lost()\ndef lost(): pass\n")
    user = ast.parse("from used import used\ndef main(): used()\n")
    modules = {"used": used, "user": user, "empty": ast.parse("'only words'\nNOBODY = 1\n")}
    drop_unused(modules)
    assert list(modules) == ["used", "user"]
    assert _lines(used) == ["def used():", "    pass"]


def test_annotations_are_dropped() -> None:
    tree = without_annotations(ast.parse("def f(a: int) -> int:\n    b: int\n    c: int = a\n"))
    assert _lines(tree) == ["def f(a):", "    pass", "    c = a"]


def test_tables_of_texts_are_built() -> None:
    tree = build_tables(ast.parse("T = (('a', 1), (2, 3))\ndef f():\n    return ('a', 'b')\n"))
    assert _lines(tree)[0] == "T = tuple([tuple(['a', 1]), (2, 3)])"
    assert _lines(tree)[-1] == "    return ('a', 'b')"
