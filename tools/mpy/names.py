"""Takes out of a program the names that nobody on a device asks for.

Each name takes its length and 10 bytes of heap, once it was loaded, for good. MicroPython keeps
those of arguments and attributes. Tracebacks do not show them, so they become a, b, c ...
"""

import ast
import builtins
from collections.abc import Collection, Iterable, Iterator
from string import ascii_lowercase

Function = ast.FunctionDef | ast.AsyncFunctionDef


class _Unannotated(ast.NodeTransformer):
    def visit_arg(self, node: ast.arg) -> ast.AST:
        node.annotation = None
        return node

    def visit_FunctionDef(self, node: Function) -> ast.AST:
        node.returns = None
        return self.generic_visit(node)

    visit_AsyncFunctionDef = visit_FunctionDef

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        self.generic_visit(node)
        return ast.Assign([node.target], node.value) if node.value else ast.Pass()


def without_annotations(tree: ast.Module) -> ast.Module:
    _Unannotated().visit(tree)
    return ast.fix_missing_locations(tree)


class _Built(ast.NodeTransformer):
    def visit_FunctionDef(self, node: Function) -> ast.AST:
        return node

    visit_AsyncFunctionDef = visit_FunctionDef

    def visit_Tuple(self, node: ast.Tuple) -> ast.AST:
        inner = [n.value for n in ast.walk(node) if isinstance(n, ast.Constant)]
        if not isinstance(node.ctx, ast.Load) or not any(isinstance(x, str) for x in inner):
            return node
        self.generic_visit(node)
        return ast.Call(ast.Name("tuple", ast.Load()), [ast.List(node.elts, ast.Load())], [])


def build_tables(tree: ast.Module) -> ast.Module:
    """A constant tuple has copies of its texts; one that is built uses those of the names."""
    _Built().visit(tree)
    return ast.fix_missing_locations(tree)


def drop_unused(modules: dict[str, ast.Module]) -> None:
    """Drops what no module of a whole program names, and modules in which nothing is left.

    main.py and tests name what begins with main or test.
    """
    while True:
        asked = {name for tree in modules.values() for name in _asked(tree)}
        found = False
        for tree in modules.values():
            kept = [node for node in tree.body if not _is_unused(node, asked)]
            found = found or len(kept) < len(tree.body)
            tree.body = kept
        if not found:
            break
    for module in [m for m, tree in modules.items() if not tree.body]:
        del modules[module]


def _asked(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, ast.ImportFrom):
            yield from [alias.name for alias in node.names]


def _is_unused(node: ast.stmt, asked: set[str]) -> bool:
    if isinstance(node, Function | ast.ClassDef):
        name = node.name
    elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
        name = node.targets[0].id
    else:
        return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    return name not in asked and not name.startswith(("__", "main", "test"))


class _Renamed(ast.NodeTransformer):
    def __init__(self, names: dict[str, str]) -> None:
        self._names = names

    def visit_Name(self, node: ast.Name) -> ast.AST:
        node.id = self._names.get(node.id, node.id)
        return node

    def visit_arg(self, node: ast.arg) -> ast.AST:
        node.arg = self._names.get(node.arg, node.arg)
        return node


def shorten_arguments(trees: Collection[ast.Module]) -> None:
    """Of all functions in a whole program without annotations, unless a keyword names one."""
    kept = {n for tree in trees for n in _there_anyway(tree)} | {"self"}
    for tree in trees:
        kept_here = kept | set(dir(builtins))
        kept_here |= {n.id for n in _outside(tree) if isinstance(n, ast.Name)}
        for function in _outermost(tree):
            names = {n.id for n in ast.walk(function) if isinstance(n, ast.Name)}
            short = (c for c in ascii_lowercase if c not in names | kept_here)
            renamed: dict[str, str] = {}
            for node in ast.walk(function):
                if isinstance(node, ast.arg) and len(node.arg) > 1 and node.arg not in kept_here:
                    renamed[node.arg] = renamed.get(node.arg) or next(short)
            _Renamed(renamed).visit(function)


def _there_anyway(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, ast.keyword) and node.arg:
            yield node.arg
        elif isinstance(node, ast.ClassDef | Function):
            yield node.name
        elif isinstance(node, ast.alias):
            yield node.asname or node.name
        elif isinstance(node, ast.Global | ast.Nonlocal):
            yield from node.names


def _outside(tree: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a module that are not in a function."""
    for node in ast.iter_child_nodes(tree):
        yield node
        if not isinstance(node, Function | ast.Lambda):
            yield from _outside(node)


def _outermost(tree: ast.AST) -> Iterator[ast.AST]:
    """The functions of a module and the methods of its classes, not those within them."""
    return (node for node in _outside(tree) if isinstance(node, Function | ast.Lambda))


def shorten_attributes(trees: Collection[ast.Module]) -> None:
    """Of the objects in a whole program: private data that is asked for by way of self alone.

    Classes share the short names, unless one descends from the other.
    """
    root = _roots(trees)
    has: dict[str, set[str]] = {}  # attribute -> the roots of the classes that have it
    kept = set()
    for tree in trees:
        own = set()
        for node in ast.walk(tree):
            if not isinstance(node, ast.ClassDef):
                continue
            kept |= {inner.name for inner in node.body if isinstance(inner, Function)}
            for inner in ast.walk(node):
                if isinstance(inner, ast.Attribute) and _is_self(inner.value) and node.name in root:
                    own.add(inner)
                    has.setdefault(inner.attr, set()).add(root[node.name])
        kept |= {n.attr for n in ast.walk(tree) if isinstance(n, ast.Attribute) and n not in own}
    taken: dict[str, set[str]] = {}  # short name -> roots
    short = {}
    for name in sorted(has.keys() - kept, key=lambda n: (-len(has[n]), n)):
        free = [c for c in ascii_lowercase if not taken.get(c, set()) & has[name]]
        if name.startswith("_") and free:
            short[name] = free[0]
            taken.setdefault(free[0], set()).update(has[name])
    for tree in trees:
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute):
                node.attr = short.get(node.attr, node.attr)


def _is_self(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id == "self"


def _roots(trees: Iterable[ast.Module]) -> dict[str, str]:
    """Class -> what it descends from; without those that descend from another program's."""
    classes = {n.name: n for tree in trees for n in ast.walk(tree) if isinstance(n, ast.ClassDef)}
    roots = {}
    for name, node in classes.items():
        root = node
        while root.bases and ast.unparse(root.bases[0]) in classes:
            root = classes[ast.unparse(root.bases[0])]
        if not root.bases or hasattr(builtins, ast.unparse(root.bases[0])):
            roots[name] = root.name
    return roots
