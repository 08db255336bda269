"""Limits of requests: from the household's own network, and at a device's pace."""

import threading
from ipaddress import ip_address

from smartmeter_service.token_bucket import TokenBucket

# A battery asks once or twice a second; some ask for device, power and energy at once.
PER_S, BURST = 10.0, 30.0  # of one address
_ALL_PER_S, _ALL_BURST = 50.0, 100.0
_ADDRESSES_MAX = 64


def is_near(address: str) -> bool:
    """Whether an address is one of a private network (RFC 1918, RFC 4193) or this machine's."""
    found = ip_address(address.partition("%")[0])
    mapped = getattr(found, "ipv4_mapped", None)  # IPv4 at a socket of IPv6
    return (mapped or found).is_private


def is_own_name(host: str) -> bool:
    """Whether a request's Host is an address or a name of the LAN.

    A page elsewhere must not read this through its own name for our address (DNS rebinding).
    """
    name = host.rpartition(":")[0] if host.count(":") == 1 or "]:" in host else host
    name = name.strip("[]").rstrip(".").lower()
    if name in ("", "localhost") or name.endswith(".local"):
        return True
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


class Allowance:
    """Threads may share one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._all = TokenBucket(_ALL_PER_S, _ALL_BURST)
        self._addresses: dict[str, TokenBucket] = {}

    def allows(self, address: str) -> bool:
        """Whether a request from there may be answered; it is then used."""
        with self._lock:
            bucket = self._addresses.pop(address, None) or TokenBucket(PER_S, BURST)
            if len(self._addresses) >= _ADDRESSES_MAX:
                self._addresses.pop(next(iter(self._addresses)))  # the one that asked longest ago
            self._addresses[address] = bucket
            if bucket.tokens < 1 or self._all.tokens < 1:
                return False
            bucket.take(1)
            self._all.take(1)
            return True
