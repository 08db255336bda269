"""Finds the prose of a Python file: the sentences that begin on a docstring's first line.

A comment `# prose: long` on the docstring's last line, or on the line above it, allows long
sentences in it.
"""

import ast
import io
import re
import tokenize
from collections.abc import Iterator

from .passage import Passage, join

_LONG = "prose: long"
_CODE = re.compile(r"(`+)(.+?)\1(?!`)")
_URL = re.compile(r"https?://\S+")
_DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def passages(source: str) -> Iterator[Passage]:
    """Yield the first paragraph of each docstring, up to the sentence of its first line."""
    marked = _marked_lines(source)
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, _DOCUMENTED) or not node.body:
            continue
        first = node.body[0]
        if not isinstance(first, ast.Expr) or not isinstance(first.value, ast.Constant):
            continue
        text = first.value.value
        if not isinstance(text, str) or not text.strip():
            continue
        paragraph: list[tuple[int, str]] = []
        for number, line in enumerate(text.splitlines(), first.lineno):
            if paragraph and not line.strip():
                break
            if line.strip():
                paragraph.append((number, _plain(line.strip())))
        end = first.end_lineno or first.lineno
        yield join(paragraph, bool(marked & {first.lineno - 1, end}))


def _plain(line: str) -> str:
    return _URL.sub(" ", _CODE.sub(" ", line))


def _marked_lines(source: str) -> set[int]:
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return {
        token.start[0]
        for token in tokens
        if token.type == tokenize.COMMENT and _LONG in token.string
    }
