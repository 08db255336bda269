"""How much one user may send, over all of its connections."""

import asyncio

# amqtt takes some 2 000 packets a second; a Concentrator of 1 000 meters sends 200.
_PACKETS_PER_S, _PACKETS_AT_ONCE = 500, 2_000
_BYTES_PER_S, _BYTES_AT_ONCE = 1_000_000, 4_000_000


class Budget:
    """The packets and bytes that a user may send; spend() waits until they are available."""

    def __init__(self) -> None:
        self._packets = _Bucket(_PACKETS_PER_S, _PACKETS_AT_ONCE)
        self._bytes = _Bucket(_BYTES_PER_S, _BYTES_AT_ONCE)

    async def spend(self, size: int) -> None:
        """Wait until a packet of `size` bytes may be handled."""
        debts = ((self._packets, 1), (self._bytes, size))
        wait_s = max(bucket.take(amount) for bucket, amount in debts)
        try:
            if wait_s:
                await asyncio.sleep(wait_s)
        except asyncio.CancelledError:  # the packet was not handled, and comes again
            for bucket, amount in debts:
                bucket.give_back(amount)
            raise


class _Bucket:
    """A token bucket that may run into debt: at_once at first, then per_s."""

    def __init__(self, per_s: float, at_once: float) -> None:
        self._per_s = per_s
        self._at_once = at_once
        self._left = at_once
        self._since = _now()

    def take(self, amount: float) -> float:
        """Take the amount; returns the seconds until it is paid for."""
        now = _now()
        self._left = min(self._at_once, self._left + (now - self._since) * self._per_s) - amount
        self._since = now
        return max(0.0, -self._left / self._per_s)

    def give_back(self, amount: float) -> None:
        self._left += amount


def _now() -> float:
    return asyncio.get_running_loop().time()
