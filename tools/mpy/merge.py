"""Merges modules that are always loaded together into one.

A module costs a device 300 bytes beside its code: an object, a dictionary, imports, and its names
as module, as attribute of its package and as file. A merged module has the name of its first
member. Imports from the others are changed. A name that two members use for
different things gets the member's name behind it in one of them.
"""

import ast
import builtins
import copy
from collections.abc import Iterator
from typing import NamedTuple

FLAT = "smartmeter"  # the package whose folders a device does not have
Groups = dict[str, tuple[str, ...]]  # name of the merged module -> what else is in it

Function = ast.FunctionDef | ast.AsyncFunctionDef
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_NEW_SCOPE = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef, *_COMPREHENSIONS)


class CannotMerge(Exception):
    """Which source does what merged modules cannot; one sentence."""


class Origin(NamedTuple):
    """What an imported name means: a name in a module, or with None the module itself."""

    module: str
    name: str | None


class _Scope(NamedTuple):
    """Names that a module, a class or a function binds, and the imported ones among them."""

    node: ast.AST
    bound: set[str]
    imported: dict[str, Origin]


class Merge:
    """modules: name -> its tree, of the whole program, whose imports are absolute.

    Trees are changed. After it, `modules` has no members of others any more.
    """

    def __init__(self, modules: dict[str, ast.Module], groups: Groups) -> None:
        self.groups = {
            first: (first, *[m for m in others if m in modules])
            for first, others in groups.items()
            if first in modules
        }
        self._home = {m: first for first, members in self.groups.items() for m in members}
        self._sources = modules
        self._paths = _flat([m for m in modules if self.home(m) == m])
        self._scopes = {m: _scope(tree) for m, tree in modules.items()}
        self._clashes: set[Origin] = set()
        while True:
            self._names = self._allocate()
            before = len(self._clashes)
            renamed = {m: _Renamer(self, m).run(copy.deepcopy(modules[m])) for m in modules}
            if len(self._clashes) == before:
                break
        self.modules = {
            self.path(m): self._joined(m, renamed) for m in modules if self.home(m) == m
        }

    def home(self, module: str) -> str:
        """The module in which a module's names are to be found."""
        return self._home.get(module, module)

    def path(self, module: str) -> str:
        """The name by which a device imports the module in which a module's names are."""
        return self._paths[self.home(module)] if module in self._sources else module

    def name_of(self, origin: Origin) -> str:
        """The name that a module's name has in its home."""
        assert origin.name
        return self._names.get((origin.module, origin.name), origin.name)

    def is_merged(self, module: str) -> bool:
        return self.home(module) in self.groups

    def clash(self, origin: Origin) -> None:
        """Notes that a local variable would hide this name where it is used."""
        self._clashes.add(origin)

    def scope_of(self, module: str) -> _Scope:
        return self._scopes[module]

    def resolved(self, origin: Origin) -> Origin:
        """What a name in a module, which may only pass it on, is by what the program has."""
        module, name = origin
        if name and f"{module}.{name}" in self._sources:
            return Origin(f"{module}.{name}", None)
        if not name or module not in self._sources:
            return origin
        behind = self._scopes[module].imported.get(name)
        if behind and behind.name and self.home(behind.module) == self.home(module):
            return behind
        return origin

    def _allocate(self) -> dict[tuple[str, str], str]:
        """(member, its name) -> the name in the merged module."""
        names: dict[tuple[str, str], str] = {}
        for members in self.groups.values():
            foreign = set(dir(builtins))
            taken: dict[str, Origin] = {}
            for member in members:
                for name in sorted(self._scopes[member].bound):
                    imported = self._scopes[member].imported.get(name)
                    key = self.resolved(imported or Origin(member, name))
                    new = name
                    is_free = name not in foreign or member == members[0]
                    if (member, name) in self._clashes or not is_free:
                        new = _longer(name, member)
                    if taken.get(new, key) != key:
                        new = _longer(name, member)
                    assert taken.get(new, key) == key, (member, name)
                    taken[new] = key
                    names[member, name] = new
        return names

    def _joined(self, first: str, renamed: dict[str, ast.Module]) -> ast.Module:
        body: list[ast.stmt] = []
        imports: set[str] = set()
        for member in self._in_order(self.groups.get(first, (first,))):
            for node in renamed[member].body:
                if isinstance(node, ast.Import | ast.ImportFrom):
                    text = ast.unparse(node)
                    if text in imports:
                        continue
                    imports.add(text)
                body.append(node)
        return ast.fix_missing_locations(ast.Module(body, []))

    def _in_order(self, members: tuple[str, ...]) -> list[str]:
        """Each member behind those that it imports when it is loaded."""
        ordered: list[str] = []

        def add(member: str) -> None:
            if member in ordered or member not in members:
                return
            for imported in self._scopes[member].imported.values():
                add(self.resolved(imported).module)
            ordered.append(member)

        for member in members:
            add(member)
        return ordered


def _flat(modules: list[str]) -> dict[str, str]:
    """Module -> its name without the folders of the core, each of which costs 150 bytes, too."""
    leaves = [m.rpartition(".")[2] for m in modules]
    flat = {}
    for module in modules:
        package, *folders, leaf = module.split(".") if "." in module else ("", module)
        is_known = leaves.count(leaf) > 1
        flat[module] = module
        if package == FLAT and folders:
            flat[module] = f"{FLAT}.{folders[-1]}_{leaf}" if is_known else f"{FLAT}.{leaf}"
    return flat


def _longer(name: str, member: str) -> str:
    return f"{name}_{member.rpartition('.')[2]}"


def _scope(node: ast.AST) -> _Scope:
    bound: set[str] = set()
    imported: dict[str, Origin] = {}
    not_here: set[str] = set()
    if isinstance(node, Function | ast.Lambda):
        bound |= {a.arg for a in _arguments(node)}
    for inner in _inside(node):
        if isinstance(inner, ast.Name) and not isinstance(inner.ctx, ast.Load):
            bound.add(inner.id)
        elif isinstance(inner, Function | ast.ClassDef | ast.ExceptHandler):
            bound |= {inner.name} if inner.name else set()
        elif isinstance(inner, ast.Global | ast.Nonlocal):
            not_here |= set(inner.names)
        elif isinstance(inner, ast.Import):
            for alias in inner.names:
                assert "." not in alias.name, alias.name
                imported[alias.asname or alias.name] = Origin(alias.name, None)
        elif isinstance(inner, ast.ImportFrom):
            for alias in inner.names:
                imported[alias.asname or alias.name] = Origin(inner.module or "", alias.name)
    return _Scope(node, (bound | set(imported)) - not_here, imported)


def _arguments(node: Function | ast.Lambda) -> list[ast.arg]:
    a = node.args
    more = [x for x in (a.vararg, a.kwarg) if x]
    return [*a.posonlyargs, *a.args, *a.kwonlyargs, *more]


def _inside(node: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a scope, without those of scopes in it."""
    if isinstance(node, ast.Lambda):
        waiting: list[ast.AST] = [node.body]
    elif isinstance(node, _COMPREHENSIONS):
        waiting = list(ast.iter_child_nodes(node))
    else:
        waiting = list(node.body)  # type: ignore[attr-defined]
    while waiting:
        inner = waiting.pop()
        yield inner
        if not isinstance(inner, _NEW_SCOPE):
            waiting += ast.iter_child_nodes(inner)
        elif isinstance(inner, _COMPREHENSIONS):
            # a name that := binds in a comprehension is one of the scope around it
            waiting += [n.target for n in ast.walk(inner) if isinstance(n, ast.NamedExpr)]


class _Renamer(ast.NodeTransformer):
    """Puts the names of the merged modules into one source."""

    def __init__(self, merge: Merge, module: str) -> None:
        self._merge = merge
        self._module = module
        self._home = merge.home(module)
        self._whole = merge.scope_of(module)
        self._scopes = [self._whole]

    def run(self, tree: ast.Module) -> ast.Module:
        self.generic_visit(tree)
        return tree

    def _within(self, node: ast.AST) -> ast.AST:
        self._scopes.append(_scope(node))
        self.generic_visit(node)
        self._scopes.pop()
        return node

    def _defined(self, node: Function | ast.ClassDef) -> ast.AST:
        node.name = self._bound_as(node.name)
        return self._within(node)

    visit_FunctionDef = visit_AsyncFunctionDef = visit_ClassDef = _defined
    visit_Lambda = visit_ListComp = visit_SetComp = visit_DictComp = visit_GeneratorExp = _within

    def _bound_as(self, name: str) -> str:
        """What a name is called that is bound at this place."""
        if len(self._scopes) > 1:
            return name
        return self._merge.name_of(Origin(self._module, name))

    def _found(self, name: str) -> "_Scope | None":
        """The scope that a name belongs to; None for a builtin."""
        for i, scope in reversed(list(enumerate(self._scopes))):
            is_seen = i in (0, len(self._scopes) - 1) or not isinstance(scope.node, ast.ClassDef)
            if is_seen and name in scope.bound:
                return scope
        return None

    def _meaning(self, name: str) -> "Origin | None":
        """What an imported name stands for."""
        scope = self._found(name)
        imported = scope.imported.get(name) if scope else None
        return self._merge.resolved(imported) if imported else None

    def _is_here(self, origin: "Origin | None") -> bool:
        """Whether it has become a part of this same module."""
        if not origin or self._home not in self._merge.groups:
            return False
        return self._merge.home(origin.module) == self._home

    def _named(self, origin: Origin) -> str:
        """What something of this module is called where it is used."""
        name = self._merge.name_of(origin)
        for scope in self._scopes[1:]:
            imported = scope.imported.get(name)
            is_gone = imported and self._is_here(self._merge.resolved(imported))
            if name in scope.bound and not is_gone and not isinstance(scope.node, ast.ClassDef):
                self._merge.clash(origin)
        return name

    def visit_Name(self, node: ast.Name) -> ast.AST:
        meaning = self._meaning(node.id)
        if meaning and not meaning.name and self._merge.is_merged(meaning.module):
            raise CannotMerge(f"{self._module} passes the module {node.id} around")
        if meaning and self._is_here(meaning):
            node.id = self._named(meaning)
        elif self._found(node.id) is self._whole:
            node.id = self._named(Origin(self._module, node.id))
        return node

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        meaning = self._meaning(node.value.id) if isinstance(node.value, ast.Name) else None
        if not meaning or meaning.name or not self._merge.is_merged(meaning.module):
            return self.generic_visit(node)
        origin = self._merge.resolved(Origin(meaning.module, node.attr))
        if self._is_here(meaning):
            return ast.Name(self._named(origin), node.ctx)
        assert isinstance(node.value, ast.Name)
        node.attr = self._merge.name_of(origin)
        if self._found(node.value.id) is self._whole:
            node.value.id = self._named(Origin(self._module, node.value.id))
        return node

    def visit_Global(self, node: ast.Global) -> ast.AST:
        node.names = [self._merge.name_of(Origin(self._module, n)) for n in node.names]
        return node

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> ast.AST:
        if node.name:
            node.name = self._bound_as(node.name)
        return self.generic_visit(node)

    def visit_Import(self, node: ast.Import) -> ast.AST:
        for alias in node.names:
            new = self._bound_as(alias.asname or alias.name)
            alias.asname = new if new != alias.name else None
        return node

    def visit_ImportFrom(self, node: ast.ImportFrom) -> "ast.AST | list[ast.stmt]":
        made: list[ast.stmt] = []
        for alias in node.names:
            origin = self._merge.resolved(Origin(node.module or "", alias.name))
            if self._is_here(origin):
                continue
            here = self._bound_as(alias.asname or alias.name)
            path = self._merge.path(origin.module)
            if origin.name is None:
                # not `from smartmeter import x`, which asks its __getattr__ first
                made.append(ast.Import([ast.alias(path, here)]))
            else:
                name = self._merge.name_of(origin)
                new = here if here != name else None
                made.append(ast.ImportFrom(path, [ast.alias(name, new)], 0))
        return made or ([] if len(self._scopes) == 1 else [ast.Pass()])
