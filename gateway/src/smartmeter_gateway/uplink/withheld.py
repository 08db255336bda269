"""Holds back what the Cloud has refused, and says when to try one message of it again.

The messages lie apart in the spool. After each wait the oldest one is sent as a probe. A receipt
for it releases all of them. It needs no clock and no connection.
"""

import math
from dataclasses import dataclass

ALL = ""  # every meter, in place of a meter's id


@dataclass
class _Wait:
    """whole: every message waits, not only those refused; probe: the row that is in flight."""

    reason: str
    until: float
    whole: bool
    probe: int | None = None


class Withheld:
    """Keys are meter ids, or ALL."""

    def __init__(self, wait_s: float) -> None:
        self._wait_s = wait_s
        self._waits: dict[str, _Wait] = {}
        self._next = math.inf  # nothing is due before; due() is asked for every message sent

    def __bool__(self) -> bool:
        return bool(self._waits)

    @property
    def summary(self) -> str | None:
        """What is refused and why, for a person; None if nothing is."""
        if not self._waits:
            return None
        key, wait = next(iter(self._waits.items()))
        whose = f"meter {key}" if key else "this Concentrator"
        more = ", and of others" if len(self._waits) > 1 else ""
        return (
            f"the Cloud refuses messages of {whose}{more}: {wait.reason}. "
            "They stay in the spool and are sent again"
        )

    def expect(self, meters: list[str], now: float) -> None:
        """Refused before a restart: the reason is not known any more, so try at once."""
        for meter in meters:
            self._waits[meter] = _Wait("it did so before the restart", now, whole=True)
        self._next = now

    def refuse(self, key: str, reason: str, ids: list[int], whole: bool, now: float) -> bool:
        """Rows were refused. True if what else was held back with them is free again."""
        known = self._waits.get(key)
        was_probe = known is not None and known.probe in ids
        frees = known is not None and known.whole and not whole and was_probe
        if known is not None and known.whole and not frees:
            whole = True
        self._waits[key] = _Wait(reason, now + self._wait_s, whole)
        self._next = min(self._next, now + self._wait_s)
        return frees

    def holds(self, meter: str) -> bool:
        """Whether every message of a meter must wait."""
        return any(key in self._waits and self._waits[key].whole for key in (meter, ALL))

    def due(self, now: float) -> str | None:
        """A key of which a message is to be tried."""
        if now < self._next:
            return None
        waits = {ALL: self._waits[ALL]} if ALL in self._waits else self._waits
        for key, wait in waits.items():
            if wait.probe is None and wait.until <= now:
                return key
        waiting = (wait.until for wait in waits.values() if wait.probe is None)
        self._next = min(waiting, default=math.inf)
        return None

    def probing(self, key: str, id: int) -> None:
        """That row is in flight to try again."""
        self._waits[key].probe = id

    def forget(self, key: str) -> None:
        """Nothing of it is left."""
        self._waits.pop(key, None)

    def accepted(self, meter: str, ids: list[int]) -> str | None:
        """A receipt came for rows of a meter; the key that is released by it."""
        if ALL in self._waits:
            self._waits.clear()
            return ALL
        wait = self._waits.get(meter)
        if wait is None or not (wait.whole or wait.probe in ids):
            return None
        del self._waits[meter]
        return meter

    def lost(self, now: float) -> None:
        """The connection is gone, and with it the probes: they are sent again."""
        for wait in self._waits.values():
            if wait.probe is not None:
                wait.probe, wait.until = None, now
        self._next = now
