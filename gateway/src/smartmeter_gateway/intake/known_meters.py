"""Which meter ids have a slot: a client that invents ids must not fill the memory.

A slot costs a reading, so a status alone takes none. If all slots are taken, the id that has been
silent the longest gives its slot up: made-up ids fall silent, and meters do not.
"""

import time
from collections import OrderedDict
from collections.abc import Callable

SILENT_S = 600.0  # the longest push interval in use is 15 minutes for gas, but such meters are few


class KnownMeters:
    """For one thread at a time. Ids that are added with keep() never give their slot up."""

    def __init__(
        self, most: int, silent_s: float = SILENT_S, now: Callable[[], float] = time.monotonic
    ) -> None:
        """most: ids; silent_s: after so many seconds of silence an id may lose its slot."""
        self._most = most
        self._silent_s = silent_s
        self._now = now
        self._heard: OrderedDict[str, float] = OrderedDict()  # the longest silent first
        self._kept: set[str] = set()

    def __contains__(self, meter: str) -> bool:
        return meter in self._heard or meter in self._kept

    def __len__(self) -> int:
        return len(self._heard)

    def keep(self, meter: str) -> None:
        """The settings name this meter."""
        self._kept.add(meter)

    def admit(self, meter: str) -> tuple[bool, str | None]:
        """Whether the id has a slot now, and the id that lost its slot to it, if any."""
        gone = None
        if meter not in self and len(self._heard) >= self._most:
            gone = self.silent_since(self._silent_s)
            if gone is None:
                return False, None
            self.forget(gone)
        self.heard(meter)
        return True, gone

    def heard(self, meter: str) -> None:
        """The id has sent something that was taken; it has a slot, even if that is one too many."""
        if meter not in self._kept:
            self._heard[meter] = self._now()
            self._heard.move_to_end(meter)

    def forget(self, meter: str) -> None:
        """Free the slot of an id."""
        self._heard.pop(meter, None)

    def silent_since(self, seconds: float) -> str | None:
        """An id that has been silent for so long, if there is one."""
        if self._heard:
            meter, heard = next(iter(self._heard.items()))
            if self._now() - heard >= seconds:
                return meter
        return None
