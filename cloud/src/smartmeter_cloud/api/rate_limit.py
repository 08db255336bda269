"""Guessing keys is slow, and the right keys from the same address still work at once.

A key has 256 random bits, so nobody can guess one. The limit keeps guessers from loading the
server, and logs them. Each key is looked up, so the right one of a neighbor behind the same
proxy or router always works at once. Only the answers to wrong keys have to wait.
"""

import ipaddress
import logging
import time
from collections.abc import Callable

WRONG_MAX = 100  # in MINUTE, from one address
MINUTE = 60.0  # s
SLOW_SECONDS = 1.0  # until a further wrong key is answered
KNOWN_MAX = 10_000  # addresses

_log = logging.getLogger("smartmeter_cloud.api")


class WrongKeyLimit:
    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._wrong: dict[str, tuple[int, float]] = {}  # address -> how many, until when
        self.count = 0  # since the start

    def wrong(self, address: str) -> int:
        """Counts a wrong key; returns for how many seconds that address is slowed down."""
        self.count += 1
        network, now = _network(address), self._clock()
        many, until = self._wrong.pop(network, (0, now + MINUTE))
        if until <= now:
            many, until = 0, now + MINUTE
        if len(self._wrong) >= KNOWN_MAX:
            self._wrong.pop(next(iter(self._wrong)))  # the one that has been quiet for longest
        self._wrong[network] = (many + 1, until)
        if many + 1 == WRONG_MAX:
            _log.warning("%s sent %d wrong keys in a minute and is slowed down", network, WRONG_MAX)
        return int(until - now) + 1 if many >= WRONG_MAX else 0


def _network(address: str) -> str:
    """A client with one IPv6 address has all the 2^64 of its network."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    if found.version == 4:
        return address
    return str(ipaddress.ip_network((found.packed, 64), strict=False))
