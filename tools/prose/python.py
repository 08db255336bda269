"""Finds the prose of a Python file: docstrings and comments.

Sentences of a docstring's first paragraph must be short. All other text may have long sentences.
A comment `# prose: long` on the docstring's last line, or on the line above it, allows them in
the first paragraph, too.
"""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from itertools import groupby

from .passage import Passage, join

_LONG = "prose: long"
_CODE = re.compile(r"(`+)(.+?)\1(?!`)")
_URL = re.compile(r"https?://\S+")
_DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)

Line = tuple[int, str]  # its number, and its text


def passages(source: str) -> Iterator[Passage]:
    """Yield each paragraph of each docstring, and each block of comments."""
    comments = list(_comments(source))
    marked = {number for number, text in comments if _LONG in text}
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, _DOCUMENTED) or not node.body:
            continue
        first = node.body[0]
        if not isinstance(first, ast.Expr) or not isinstance(first.value, ast.Constant):
            continue
        text = first.value.value
        if isinstance(text, str):
            long_is_fine = bool(marked & {first.lineno - 1, first.end_lineno})
            for paragraph in _paragraphs(text, first.lineno):
                yield join(paragraph, long_is_fine)
                long_is_fine = True
    for block in _blocks(comments):
        yield join(block, long_is_fine=True)


def _paragraphs(text: str, number: int) -> Iterator[list[Line]]:
    lines = enumerate(text.splitlines(), number)
    for blank, group in groupby(lines, key=lambda line: not line[1].strip()):
        if not blank:
            yield [(number, _plain(line)) for number, line in group]


def _comments(source: str) -> Iterator[Line]:
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], _plain(token.string.lstrip("#"))


def _blocks(comments: list[Line]) -> Iterator[list[Line]]:
    """Yield comments on consecutive lines together."""
    numbered = enumerate(comments)
    for _, group in groupby(numbered, key=lambda place: place[1][0] - place[0]):
        yield [line for _, line in group]


def _plain(line: str) -> str:
    return _URL.sub(" ", _CODE.sub(" ", line))
