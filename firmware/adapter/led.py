"""A status LED: flashes tell where in the chain something is missing; README.md has the table."""

import asyncio

from machine import Pin

TYPE_CHECKING = False  # what follows is for mypy; a device has no typing
if TYPE_CHECKING:
    from collections.abc import Callable

_ON_MS = 200
_OFF_MS = 300
_PAUSE_MS = 1000


async def blink(number: int, flashes: "Callable[[], int]") -> None:
    """Shows flashes() on that pin forever; 0 of them is a steady light."""
    pin = Pin(number, Pin.OUT)
    while True:
        count = flashes()
        for _ in range(count):
            pin.value(1)
            await asyncio.sleep_ms(_ON_MS)
            pin.value(0)
            await asyncio.sleep_ms(_OFF_MS)
        if not count:
            pin.value(1)
        await asyncio.sleep_ms(_PAUSE_MS)
