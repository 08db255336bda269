"""How much one user may send, over all of its connections."""

import asyncio

from smartmeter_service.token_bucket import TokenBucket

# amqtt takes some 2 000 packets a second; a Concentrator of 1 000 meters sends 200.
_PACKETS_PER_S, _PACKETS_AT_ONCE = 500, 2_000
_BYTES_PER_S, _BYTES_AT_ONCE = 1_000_000, 4_000_000


class Budget:
    """The packets and bytes that a user may send; spend() waits until they are available."""

    def __init__(self) -> None:
        self._packets = TokenBucket(_PACKETS_PER_S, _PACKETS_AT_ONCE)
        self._bytes = TokenBucket(_BYTES_PER_S, _BYTES_AT_ONCE)

    async def spend(self, size: int) -> None:
        """Wait until a packet of `size` bytes may be handled."""
        debts = ((self._packets, 1), (self._bytes, size))
        for bucket, amount in debts:
            bucket.take(amount)
        wait_s = max(self._packets.debt_s(), self._bytes.debt_s())
        try:
            if wait_s:
                await asyncio.sleep(wait_s)
        except asyncio.CancelledError:  # the packet was not handled, and comes again
            for bucket, amount in debts:
                bucket.take(-amount)
            raise
