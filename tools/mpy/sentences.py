"""Moves sentences, which a device seldom says, from its heap into a file on its flash.

A sentence takes its length and 20 bytes of heap as soon as its module is loaded. A call takes its
place, which reads the sentence from the file. Only sentences in functions are moved.
"""

import ast
import re
from typing import TypeGuard

MODULE = "smartmeter.sentences"
FILE = "lib/smartmeter/sentences.txt"  # UTF-8, a sentence a line

SOURCE = """
def sentence(at, values=()):
    try:
        with open(__file__.rpartition(".")[0] + ".txt", "rb") as f:
            f.seek(at)
            text = f.readline()[:-1].decode()
            return text if values == () else text % values
    except (OSError, MemoryError):
        return "sentence %d of the file: %s" % (at, values)
"""

_LEAST = 12
_SENTENCE = re.compile(r"[A-Za-z%].* .*")


class Sentences(ast.NodeTransformer):
    """Collects those of all modules that pass through move()."""

    def __init__(self) -> None:
        self._at: dict[str, int] = {}
        self._data = b""
        self._within = 0  # functions around the present node
        self._moved = False

    @property
    def data(self) -> bytes:
        """The content of FILE."""
        return self._data

    def move(self, tree: ast.Module) -> ast.Module:
        self._moved = False
        self.visit(tree)
        if self._moved:
            tree.body.insert(0, ast.ImportFrom(MODULE, [ast.alias("sentence")], 0))
        return tree

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> ast.AST:
        self._within += 1
        node.body = [self.visit(inner) for inner in node.body]
        self._within -= 1
        return node

    visit_AsyncFunctionDef = visit_FunctionDef

    def visit_Expr(self, node: ast.Expr) -> ast.AST:
        is_docstring = isinstance(node.value, ast.Constant)
        return node if is_docstring else self.generic_visit(node)

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        text = node.left.value if isinstance(node.left, ast.Constant) else None
        if not isinstance(node.op, ast.Mod) or not is_sentence(text):
            return self.generic_visit(node)
        values = self.visit(node.right)
        return self._call(text, values) if self._within else node

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        text = node.value
        if not self._within or not is_sentence(text) or "%" in text:
            return node
        return self._call(text)

    def _call(self, text: str, *values: ast.expr) -> ast.expr:
        if text not in self._at:
            self._at[text] = len(self._data)
            self._data += text.encode() + b"\n"
        self._moved = True
        return ast.Call(
            ast.Name("sentence", ast.Load()), [ast.Constant(self._at[text]), *values], []
        )


def is_sentence(value: object) -> TypeGuard[str]:
    if not isinstance(value, str) or "\n" in value:
        return False
    return len(value) >= _LEAST and bool(_SENTENCE.fullmatch(value))
