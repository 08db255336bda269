"""Takes out of sources what only CPython and mypy need.

A device pays heap for every name that a module knows: a place in its dictionary, and the name
itself. So constants stand where their names stood, those of other modules, too, and nobody imports
them any more. A module also loses its imports for mypy, its branches for CPython, and its
__slots__, which MicroPython ignores.
"""

import ast
import contextlib
import operator
import re
from collections.abc import Iterator

from .sentences import is_sentence

_CONSTANT = re.compile(r"_?[A-Z][A-Z0-9_]*")
_ON_DEVICE = {
    "implementation.name == 'micropython'": True,
    "implementation.name != 'micropython'": False,
}
_OPERATORS = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Pow: operator.pow,
    ast.LShift: operator.lshift,
}
# The longest text of a constant that other modules get in place of its name: each has a copy then.
_SHORT = 20
_TABLE = 5  # texts that make a tuple worth a name; names.py says why

Literal = bool | int | str | bytes | tuple["Literal", ...] | None


class Constants:
    """Sources that belong together: name of the file, such as lib/smartmeter/obis.py -> text."""

    def __init__(self, sources: dict[str, str]) -> None:
        self._sources = sources
        self._modules = {module_of(name): ast.parse(text, name) for name, text in sources.items()}
        self._known = {module: self._imported(module) for module in self._modules}
        self._values: dict[str, dict[str, Literal]] = {module: {} for module in self._modules}
        found = True
        while found:
            found = bool([module for module in self._modules if self._learn(module)])

    def _imported(self, module: str) -> dict[str, tuple[str, str]]:
        """Name in a module -> (module it comes from, name there)."""
        known = {}
        for node in ast.walk(self._modules[module]):
            if isinstance(node, ast.ImportFrom):
                other = self.imports_from(module, node)
                for alias in node.names:
                    known[alias.asname or alias.name] = (other, alias.name)
        return known

    def imports_from(self, module: str, node: ast.ImportFrom) -> str:
        """The absolute name of the module after `from`."""
        if not node.level:
            return node.module or ""
        is_package = any(name.startswith(module + ".") for name in self._modules)
        parts = module.split(".")
        parts = parts[: len(parts) - node.level + is_package]
        return ".".join([*parts, node.module] if node.module else parts)

    def _learn(self, module: str) -> bool:
        """Adds what can be said of a module's constants by now; whether it was anything."""
        stored = [n.id for n in ast.walk(self._modules[module]) if _is_stored(n)]
        values = self._values[module]
        before = len(values)
        for node in self._modules[module].body:
            name = _assigned(node)
            if name and name not in values and stored.count(name) == 1:
                assert isinstance(node, ast.Assign)
                with contextlib.suppress(ValueError):
                    values[name] = self._literal(module, node.value)
        for name, (other, original) in self._known[module].items():
            if name not in values and original in self._values.get(other, ()):
                values[name] = self._values[other][original]
        return len(values) > before

    def _literal(self, module: str, node: ast.expr) -> Literal:
        """The value of an expression; ValueError if it is not constant."""
        if ast.unparse(node) in _ON_DEVICE:
            return _ON_DEVICE[ast.unparse(node)]
        if isinstance(node, ast.Tuple):
            return tuple([self._literal(module, part) for part in node.elts])
        if isinstance(node, ast.Name) and node.id in self._values[module]:
            return self._values[module][node.id]
        if isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
            left, right = self._literal(module, node.left), self._literal(module, node.right)
            if type(left) is type(right) is int:
                return int(_OPERATORS[type(node.op)](left, right))
        value: Literal = ast.literal_eval(node)
        if not isinstance(value, bool | int | str | bytes | None):
            raise ValueError
        return value

    def for_device(self, name: str) -> str:
        """A source as mpy-cross is to see it. Lines keep their numbers."""
        module = module_of(name)
        lines = [line.encode() for line in self._sources[name].split("\n")]
        for node, text in sorted(self._edits(module), key=_place, reverse=True):
            first, last = node.lineno - 1, (node.end_lineno or node.lineno) - 1
            rest = lines[last][node.end_col_offset :]
            lines[first] = lines[first][: node.col_offset] + text.encode() + rest
            for i in range(first + 1, last + 1):
                lines[i] = b""
        return b"\n".join(lines).decode()

    def _edits(self, module: str) -> "Iterator[tuple[ast.stmt | ast.expr, str]]":
        waiting: list[ast.AST] = [self._modules[module]]
        while waiting:
            node = waiting.pop()
            if isinstance(node, ast.stmt) and self._is_needless(module, node):
                yield node, "" if node in self._modules[module].body else "pass"
            elif isinstance(node, ast.ImportFrom):
                kept = [a for a in node.names if self._is_wanted(module, a.asname or a.name)]
                if len(kept) < len(node.names):
                    yield node, ast.unparse(ast.ImportFrom(node.module, kept, node.level))
            elif isinstance(node, ast.expr) and ast.unparse(node) in _ON_DEVICE:
                yield node, str(_ON_DEVICE[ast.unparse(node)])
            elif isinstance(node, ast.Name) and self._is_inlined(module, node.id):
                yield node, _text(self._values[module][node.id])
            elif isinstance(node, ast.Attribute) and self._of_module(module, node):
                assert isinstance(node.value, ast.Name)
                other = ".".join(self._known[module][node.value.id])
                yield node, _text(self._values[other][node.attr])
            else:
                if isinstance(node, ast.FunctionDef):
                    for rest in self._unreached(module, node.body):
                        yield rest, ""
                        node.body.remove(rest)
                waiting += ast.iter_child_nodes(node)

    def _unreached(self, module: str, body: list[ast.stmt]) -> list[ast.stmt]:
        """What stands behind an `if` that always returns on a device."""
        for i, node in enumerate(body):
            if isinstance(node, ast.If) and isinstance(node.body[-1], ast.Return):
                is_not = isinstance(node.test, ast.UnaryOp) and isinstance(node.test.op, ast.Not)
                test = node.test.operand if isinstance(node.test, ast.UnaryOp) else node.test
                with contextlib.suppress(ValueError):
                    if bool(self._literal(module, test)) != is_not:
                        return body[i + 1 :]
        return []

    def _is_needless(self, module: str, node: ast.stmt) -> bool:
        if isinstance(node, ast.If):
            return ast.unparse(node.test) == "TYPE_CHECKING"
        if isinstance(node, ast.ImportFrom):
            names = [alias.asname or alias.name for alias in node.names]
            return not any(self._is_wanted(module, name) for name in names)
        name = _assigned(node)
        return name in ("__slots__", "__all__") or (bool(name) and self._is_inlined(module, name))

    def _is_wanted(self, module: str, name: str) -> bool:
        """Whether anything is left of an imported name: no constant, nor only asked for some."""
        if self._is_inlined(module, name):
            return False
        is_module = ".".join(self._known[module][name]) in self._modules
        if not is_module and name != "implementation":
            return True
        waiting: list[ast.AST] = [self._modules[module]]
        while waiting:
            node = waiting.pop()
            if isinstance(node, ast.Name) and node.id == name:
                return True
            if isinstance(node, ast.Attribute) and self._of_module(module, node):
                continue
            if not isinstance(node, ast.expr) or ast.unparse(node) not in _ON_DEVICE:
                waiting += ast.iter_child_nodes(node)
        return False

    def _is_inlined(self, module: str, name: str) -> bool:
        """Whether a constant's value stands everywhere in place of this name."""
        if name not in self._values[module]:
            return False
        value = self._values[module][name]
        if _texts(value) >= _TABLE:
            return False
        return name.startswith("_") or _is_short(value) or is_sentence(value)

    def _of_module(self, module: str, node: ast.Attribute) -> bool:
        """Whether it is a constant of a module that was imported as a whole."""
        if not isinstance(node.value, ast.Name) or node.value.id not in self._known[module]:
            return False
        other = ".".join(self._known[module][node.value.id])
        return other in self._values and self._is_inlined(other, node.attr)


def module_of(name: str) -> str:
    """lib/smartmeter/dlms/apdu.py as it is imported: smartmeter.dlms.apdu."""
    return name.removeprefix("lib/").removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def _assigned(node: ast.stmt) -> str:
    """The only name that a statement assigns to, if it looks like a constant's, or ""."""
    if not isinstance(node, ast.Assign) or len(node.targets) != 1:
        return ""
    name = ast.unparse(node.targets[0])
    return name if _CONSTANT.fullmatch(name) or name in ("__slots__", "__all__") else ""


def _is_stored(node: ast.AST) -> bool:
    return isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)


def _is_short(value: Literal) -> bool:
    return not isinstance(value, tuple) and len(repr(value)) <= _SHORT


def _texts(value: Literal) -> int:
    """How many texts a tuple has."""
    if not isinstance(value, tuple):
        return 0
    return sum([isinstance(part, str) + _texts(part) for part in value])


def _text(value: Literal) -> str:
    is_plain = not isinstance(value, int) or value >= 0
    return repr(value) if is_plain else f"({value!r})"


def _place(edit: "tuple[ast.stmt | ast.expr, str]") -> tuple[int, int]:
    return edit[0].lineno, edit[0].col_offset
