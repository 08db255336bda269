"""What is known of a meter's telegrams over a restart: counters, and which came last."""

import hashlib
import json
from collections import deque

# Telegrams. An adapter sends its last 60 s again; the fastest meters say one a second.
_RECENT_MAX = 128
_DIGEST_BYTES = 8


class Memory:
    """counters: system title -> last invocation counter, a dict that a Receiver may share."""

    def __init__(self, kept: bytes | None = None) -> None:
        """kept: what a Memory of before gave as kept()."""
        known = json.loads(kept) if kept else {"counters": {}, "recent": []}
        self.counters = {bytes.fromhex(title): n for title, n in known["counters"].items()}
        self._recent: deque[str] = deque(known["recent"], _RECENT_MAX)

    def has(self, telegram: bytes) -> bool:
        """Whether these very bytes are among the last that were noted."""
        return _digest(telegram) in self._recent

    def note(self, telegram: bytes) -> None:
        self._recent.append(_digest(telegram))

    def kept(self) -> bytes:
        """For the spool."""
        counters = {title.hex(): n for title, n in self.counters.items()}
        return json.dumps({"counters": counters, "recent": list(self._recent)}).encode()


def _digest(telegram: bytes) -> str:
    return hashlib.sha256(telegram).digest()[:_DIGEST_BYTES].hex()
