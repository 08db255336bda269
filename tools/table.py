"""Tables on a terminal: each row is printed when known, so that long work shows progress."""

import textwrap
from collections.abc import Sequence


class Table:
    """Columns of fixed widths; the first is left-aligned, the others right."""

    def __init__(self, *columns: tuple[str, int]) -> None:
        self._widths = [width for _, width in columns]
        self.row(*[title for title, _ in columns])
        print("-" * (sum(self._widths) + 2 * (len(columns) - 1)))

    def row(self, *cells: object) -> None:
        texts = [_text(cell) for cell in cells]
        first = f"{texts[0]:<{self._widths[0]}}"
        rest = [f"{text:>{width}}" for text, width in zip(texts[1:], self._widths[1:], strict=True)]
        print("  ".join([first, *rest]).rstrip(), flush=True)


def _text(cell: object) -> str:
    if cell is None:
        return "-"
    if isinstance(cell, float):
        return f"{cell:.0f}" if cell >= 200 else f"{cell:.1f}" if cell >= 10 else f"{cell:.2f}"
    return str(cell)


def verdicts(lines: Sequence[tuple[bool, str]]) -> None:
    """Targets, each with whether this run met it."""
    print()
    for met, text in lines:
        print(
            textwrap.fill(
                f"{'met   ' if met else 'MISSED'}  {text}", 100, subsequent_indent=" " * 8
            )
        )
