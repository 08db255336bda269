"""Merged modules do what the modules did."""

import sys
import types

import pytest

from tools.mpy import Program
from tools.mpy.merge import CannotMerge

_SOURCES = {
    "adapter/box.py": """
import time
from . import lid
from .lid import close as shut, open
from smartmeter.deep.size import scale

def fill(close):
    lid.close(close)
    return shut(close) + time.gmtime(0)[0]

class Box:
    def open(self):
        return open() + scale(2)
""",
    "adapter/lid.py": """
from .hinge import turn

_angle = 30

def close(by):
    global _angle
    _angle -= by
    return _angle

def open():
    def fill(n):
        return turn(n)
    return fill(_angle)
""",
    "adapter/hinge.py": """
def turn(fill):
    return [fill for _angle in range(2)][1] * 10
""",
    "adapter/user.py": """
from .lid import close
from . import lid, hinge

def main():
    from .box import Box, fill
    return [fill(5), close(1), lid.close(1), lid.open(), hinge.turn(1), Box().open()]
""",
    "lib/smartmeter/deep/size.py": """
def scale(n):
    return n * 1000
""",
}
_GROUPS = {"adapter.box": ("adapter.lid",)}
_USED = [1990, 19, 18, 180, 10, 2180]


def _use(texts: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> object:
    """What adapter.user.main() gives, with these files as the only ones."""

    def load(name: str) -> types.ModuleType:
        module = types.ModuleType(name)
        monkeypatch.setitem(sys.modules, name, module)
        module.__path__ = []
        return module

    packages = {name: load(name) for name in ("adapter", "smartmeter", "smartmeter.deep")}
    waiting = dict(texts)
    while waiting:  # those first that import no other one
        for name, text in list(waiting.items()):
            dotted = name.removeprefix("lib/").removesuffix(".py").replace("/", ".")
            module = load(dotted)
            module.__package__ = dotted.rpartition(".")[0]
            try:
                exec(text, module.__dict__)
            except ImportError:
                del sys.modules[dotted]
                continue
            setattr(packages[module.__package__], dotted.rpartition(".")[2], module)
            del waiting[name]
    return sys.modules["adapter.user"].main()


def test_merged_modules_do_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = Program(_SOURCES, _GROUPS).texts
    assert "adapter/lid.py" not in texts
    assert _use(_SOURCES, monkeypatch) == _use(texts, monkeypatch) == _USED


def test_a_device_has_no_folders_of_the_core() -> None:
    texts = Program(_SOURCES, _GROUPS).texts
    assert "lib/smartmeter/size.py" in texts
    assert "from smartmeter.size import scale" in texts["adapter/box.py"]


def test_a_module_that_is_passed_around_cannot_be_merged() -> None:
    sources = _SOURCES | {"adapter/user.py": "from . import lid\nprint(lid)\n"}
    with pytest.raises(CannotMerge, match=r"adapter\.user passes the module lid around"):
        Program(sources, _GROUPS)
