"""The adapter, put together from its settings: what reads, what publishes, what watches."""

import asyncio

import machine

from . import broker, network
from .clock import Clock
from .meter import Meter, answerer
from .outbox import Outbox
from .port import Port
from .publisher import Publisher
from .status import Status

TYPE_CHECKING = False  # what follows is for mypy; a device has no typing
if TYPE_CHECKING:
    from collections.abc import Awaitable

    from .health import Health
    from .settings import Document, Store

# Longer than the longest that blocks: name lookup 14 s, handshake 10 s, publish 5 s.
_WATCHDOG_MS = 120_000
# Both tasks look up at least every minute, or something hangs.
_HANGS_S = 90


class Adapter:
    """settings as schema.check() gives them."""

    def __init__(self, settings: "Document", store: "Store", health: "Health") -> None:
        meter = settings["meter"]
        security = None
        if settings["broker"]["tls"]:
            ca = store.secret("broker_ca")
            if not ca:
                raise ValueError("broker.tls is on, but no CA is there to check the broker by")
            security = broker.context(ca, store.secret("client_cert"), store.secret("client_key"))
        self._health = health
        self.clock = Clock(settings["time"]["ntp"])
        answers = answerer(meter)
        port = Port(meter, answers)
        outbox = Outbox()
        self.meter = Meter(port, settings, store, outbox, self.clock)
        if not health.safe:
            self.meter.open(answers.setting + (False,) if answers else None)
        lan = network.interface(settings, store.secret("wifi_password"))
        status = Status(self.meter, port, lan, self.clock, outbox, health)
        client = broker.Broker(
            settings["broker"], meter["id"], store.secret("broker_password"), security, port.drain
        )
        self.publisher = Publisher(settings, lan, self.clock, client, outbox, status)
        self._crash: "list[Exception]" = []

    async def run(self) -> None:
        """Runs until something raises; health.Restart where that is wanted."""
        watchdog = machine.WDT(timeout=_WATCHDOG_MS)
        self._health.start()
        safe = self._health.safe
        tasks = [asyncio.create_task(self._crashing(self.publisher.run()))]
        if not safe:
            tasks.append(asyncio.create_task(self._crashing(self.meter.run())))
        from .health import GOOD_S, SAFE_S, Restart

        while tasks:
            now = self.clock.uptime()
            looked = self.publisher.looked
            if not safe:
                looked = min(looked, self.meter.looked)
            if now - looked < _HANGS_S:
                watchdog.feed()
            if self._crash:
                if isinstance(self._crash[0], MemoryError):
                    self.meter.short_of_memory()
                raise self._crash[0]
            if safe and now > SAFE_S:
                raise Restart("the safe mode is over")
            if not safe and now > GOOD_S:
                self._health.good()
            await asyncio.sleep_ms(1000)

    async def _crashing(self, task: "Awaitable[None]") -> None:
        """A task that ends takes the adapter with it; asyncio alone would let the rest run on."""
        try:
            await task
        except Exception as why:
            self._crash.append(why)
