"""Recognizes telegrams that come again, also after a restart."""

import hashlib
import json
from collections import deque

# Telegrams. An adapter sends its last 60 s again; the fastest meters send one a second.
_RECENT_MAX = 128
_DIGEST_BYTES = 8


class ReplayGuard:
    """One meter's.

    counters: system title -> last invocation counter; times: -> the time of that telegram. A
    Receiver shares these dicts.
    """

    def __init__(self, kept: bytes | None = None) -> None:
        """kept: what kept() gave before the restart."""
        known = json.loads(kept) if kept else {"counters": {}, "recent": []}
        self.counters = {bytes.fromhex(title): n for title, n in known["counters"].items()}
        # a guard of an older version has no times
        self.times = {bytes.fromhex(title): t for title, t in known.get("times", {}).items()}
        self._recent: deque[str] = deque(known["recent"], _RECENT_MAX)

    def has(self, telegram: bytes) -> bool:
        """Whether exactly these bytes are among the last that were noted."""
        return _digest(telegram) in self._recent

    def note(self, telegram: bytes) -> None:
        self._recent.append(_digest(telegram))

    def forget(self) -> None:
        """Begin from the start, also for the Receivers that share the dicts."""
        self.counters.clear()
        self.times.clear()
        self._recent.clear()

    def kept(self) -> bytes:
        """The guard as bytes for the spool."""
        counters = {title.hex(): n for title, n in self.counters.items()}
        times = {title.hex(): time for title, time in self.times.items()}
        kept = {"counters": counters, "times": times, "recent": list(self._recent)}
        return json.dumps(kept).encode()


def _digest(telegram: bytes) -> str:
    return hashlib.sha256(telegram).digest()[:_DIGEST_BYTES].hex()
