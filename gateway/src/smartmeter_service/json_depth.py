"""How deeply a JSON text is nested: checked where it enters, before anything is built from it.

Parsers and encoders have different limits of recursion. A text that one of them takes can
therefore break the next one. With a small bound of our own this cannot happen.
"""

import re

LEVELS_MAX = 8  # the status of an adapter has 2, that of a Concentrator 3

# A string, whose brackets do not count, or one bracket. Nothing is tried twice, so the time grows
# with the length of the text only, whatever it holds.
_TOKENS = re.compile(rb'"(?:[^"\\]++|\\.)*+"?|[\[\]{}]', re.DOTALL)


def is_too_deep(payload: bytes) -> bool:
    """Whether a JSON text has more than LEVELS_MAX levels of objects and arrays."""
    if payload.count(b"{") + payload.count(b"[") <= LEVELS_MAX:
        return False
    level = 0
    for token in _TOKENS.finditer(payload):
        first = payload[token.start()]
        if first in b"[{":
            level += 1
            if level > LEVELS_MAX:
                return True
        elif first in b"]}":
            level -= 1
    return False
