"""A stream ends with the key, session or token that it was opened with."""

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing

from smartmeter_cloud.api.caller import Caller
from smartmeter_cloud.api.keys import now_ms
from smartmeter_cloud.store.interface import Store, StoreUnavailable

ASK_SECONDS = 1.0  # the store is asked so often, for all streams together


class StreamPermissions:
    """Which keys and sessions are valid now."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._valid: frozenset[bytes] = frozenset()
        self._asked = 0.0  # monotonic
        self._asking = asyncio.Lock()

    async def while_permitted(
        self, caller: Caller, events: AsyncGenerator[bytes]
    ) -> AsyncIterator[bytes]:
        """The events, each only if the caller may still have it."""
        async with aclosing(events):
            async for event in events:
                if not await self._permits(caller):
                    return
                yield event

    async def _permits(self, caller: Caller) -> bool:
        if caller.until is not None and caller.until <= now_ms():
            return False
        if caller.key is None:
            return True
        async with self._asking:
            # A key that is not known yet may be a new one.
            stale = time.monotonic() - self._asked >= ASK_SECONDS
            if stale or caller.key not in self._valid:
                await self._ask()
        return caller.key in self._valid

    async def _ask(self) -> None:
        asked = time.monotonic()
        # Without the store nothing new can be sent either, so what was valid stays so.
        with contextlib.suppress(StoreUnavailable):
            keys = await asyncio.to_thread(self._store.access_keys)
            self._valid, self._asked = frozenset(key.digest for key in keys), asked
