"""A peer's DLMS list, a tree of Python values, by OBIS code: for comparison only."""

from decimal import Decimal

from ..telegrams import Values


def numbers(tree: object) -> Values:
    """Return {"C.D.E": number} of a tree of lists; a number without a scale stays as it is.

    A list that says no codes (known by position) gives keys "#0", "#1" ... in its order.
    """
    leaves = list(_leaves(tree))
    found: Values = {}
    codes, at = _descriptors(leaves)
    if codes:
        values = leaves[at:]
        skipped = len(codes) - len(values)
        for code, value in zip(codes[skipped:], values, strict=False):
            if isinstance(value, int) and code not in found:
                found[code] = Decimal(value)
        return found
    while at < len(leaves):
        name = leaves[at]
        following = leaves[at + 1] if at + 1 < len(leaves) else None
        if _is_code(name) and isinstance(following, int):
            scale = leaves[at + 2] if at + 2 < len(leaves) else None
            exponent = scale[0] if isinstance(scale, tuple) else 0
            found.setdefault(_text(name), Decimal(following).scaleb(exponent))
            at += 1
        at += 1
    if not found:
        return {f"#{n}": Decimal(v) for n, v in enumerate(leaves) if isinstance(v, int)}
    return found


def _leaves(node: object):  # type: ignore[no-untyped-def]
    """Values in their order; (scaler, unit) stays together."""
    if isinstance(node, (list, tuple)):
        if len(node) == 2 and all(isinstance(n, int) for n in node):
            yield tuple(node)
        else:
            for child in node:
                yield from _leaves(child)
    elif isinstance(node, (bytes, bytearray)):
        yield bytes(node)
    else:
        yield int(node) if isinstance(node, int) else node


def _descriptors(leaves: list[object]) -> tuple[list[str], int]:
    """Codes of the leading descriptors (class, code, attribute, index), and where they end."""
    codes: list[str] = []
    at = 0
    while (
        at + 4 <= len(leaves)
        and isinstance(leaves[at], int)
        and _is_code(leaves[at + 1])
        and isinstance(leaves[at + 2], int)
        and isinstance(leaves[at + 3], int)
    ):
        codes.append(_text(leaves[at + 1]))
        at += 4
    return codes, at


def _is_code(value: object) -> bool:
    return isinstance(value, bytes) and len(value) == 6 and value[0] < 16


def _text(code: object) -> str:
    assert isinstance(code, bytes)
    return f"{code[2]}.{code[3]}.{code[4]}"
