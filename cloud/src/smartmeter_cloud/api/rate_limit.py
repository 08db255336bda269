"""An address that sends many wrong keys must wait.

Nobody can guess a key with 256 random bits. The limit keeps guessers away from the store and
logs them.
"""

import ipaddress
import logging
import time
from collections.abc import Callable

WRONG_MAX = 100  # in MINUTE, from one address
MINUTE = 60.0  # s
KNOWN_MAX = 10_000  # addresses, and keys that were right

_log = logging.getLogger("smartmeter_cloud.api")


class WrongKeyLimit:
    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._wrong: dict[str, tuple[int, float]] = {}  # address -> how many, until when
        self._right: set[bytes] = set()
        self.count = 0  # since the start

    def wait(self, address: str, digest: bytes) -> int:
        """Seconds until that address may try this key; 0 for at once.

        A key that was right before is always tried: behind one proxy all have its address.
        """
        many, until = self._wrong.get(_network(address), (0, 0.0))
        left = until - self._clock()
        if many < WRONG_MAX or left <= 0 or digest in self._right:
            return 0
        return int(left) + 1

    def right(self, digest: bytes) -> None:
        if len(self._right) >= KNOWN_MAX:
            self._right.clear()
        self._right.add(digest)

    def wrong(self, address: str) -> None:
        self.count += 1
        network, now = _network(address), self._clock()
        many, until = self._wrong.get(network, (0, 0.0))
        if until <= now:
            many, until = 0, now + MINUTE
            self._wrong.pop(network, None)  # what is first in it is the oldest
            if len(self._wrong) >= KNOWN_MAX:
                self._wrong.pop(next(iter(self._wrong)))
        self._wrong[network] = (many + 1, until)
        if many + 1 == WRONG_MAX:
            _log.warning("%s sent %d wrong keys in a minute and must wait", network, WRONG_MAX)


def _network(address: str) -> str:
    """A client with one IPv6 address has all the 2^64 of its network."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    if found.version == 4:
        return address
    return str(ipaddress.ip_network((found.packed, 64), strict=False))
