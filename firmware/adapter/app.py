"""The adapter, assembled from its settings: reader, publisher, watchdog."""

import asyncio

import machine
import slots
from smartmeter.wire import topics

from . import broker, network
from .clock import Clock
from .health import GOOD_S, SAFE_S, Restart
from .meter import NO_BYTES, READINGS, Meter, answerer
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
_TRIAL_S = 600  # a new version that has published nothing by then is given up


class Adapter:
    """settings in the form that schema.check() returns."""

    def __init__(self, settings: "Document", store: "Store", health: "Health") -> None:
        meter = settings["meter"]
        security = None
        if settings["broker"]["tls"]:
            ca = store.secret("broker_ca")
            if not ca:
                raise ValueError("broker.tls is on, but there is no CA to verify the broker")
            security = broker.context(ca, store.secret("client_cert"), store.secret("client_key"))
        self._health = health
        lan = network.interface(settings, store.secret("wifi_password"))
        to = settings["broker"]
        self.clock = Clock(settings["time"]["ntp"], lan.router, to["host"], to["tls"])
        answers = answerer(meter)
        port = Port(meter, answers)
        outbox = Outbox()
        self.meter = Meter(port, settings, store, outbox, self.clock)
        if not health.safe:
            self.meter.open(answers.setting + (False,) if answers else None)
        status = Status(self.meter, port, lan, self.clock, outbox, health)
        # The Cloud's broker knows a Concentrator by its own id, because meters of two houses may
        # have the same name. A client with another's id disconnects that one (MQTT 3.1.1, 3.1.4-2).
        concentrator = settings["publish"]["concentrator"]
        client_id = "concentrator-" + concentrator if concentrator else meter["id"]
        client = broker.Broker(
            settings["broker"], client_id, store.secret("broker_password"), security, port.drain
        )
        self.publisher = Publisher(settings, lan, self.clock, client, outbox, status)
        self._take_updates(meter["id"], client, port, store)
        self._led: int | None = meter["led"]
        self._lan = lan
        self._client = client
        self._crash: "list[Exception]" = []

    def _take_updates(
        self, meter_id: str, client: broker.Broker, port: Port, store: "Store"
    ) -> None:
        modulus = store.secret("update_key")
        ca = store.secret("update_ca") or store.secret("broker_ca")
        if not modulus or not ca:
            return
        from .update import Update

        security = broker.context(ca, None, None)
        update = self.publisher.update = Update(modulus, security, port.drain)
        client.take(topics.command(meter_id, topics.UPDATE), update.command)

    def _stage(self) -> int:
        """How far the chain works: flashes of the LED, or 0 where all is well."""
        if self._health.safe:
            return 5
        if not self._lan.connected():
            return 1
        if not self._client.connected:
            return 2
        if self.meter.progress == NO_BYTES:
            return 3
        return 0 if self.meter.progress == READINGS else 4

    def _is_on_trial(self, now: int) -> bool:
        """Keeps a new version that has published readings; gives up one that has not."""
        if self.publisher.published:
            slots.keep()
            return False
        found = slots.state()
        if now > _TRIAL_S and found and found.get("trial"):
            slots.back(found)
            raise Restart("this version has published nothing and is given up")
        return True

    async def run(self) -> None:
        """Runs until something raises; health.Restart for an intended restart."""
        watchdog = machine.WDT(timeout=_WATCHDOG_MS)
        self._health.start()
        safe = self._health.safe
        found = slots.state()
        trial = found is not None and bool(found.get("trial"))
        tasks = [asyncio.create_task(self._crashing(self.publisher.run()))]
        if not safe:
            tasks.append(asyncio.create_task(self._crashing(self.meter.run())))
        if self._led is not None:
            from .led import blink

            tasks.append(asyncio.create_task(blink(self._led, self._stage)))
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
            if trial:
                trial = self._is_on_trial(now)
            if self.publisher.update and self.publisher.update.ready:
                raise Restart("another version is there")
            if not safe and now > GOOD_S:
                self._health.good()
            await asyncio.sleep_ms(1000)

    async def _crashing(self, task: "Awaitable[None]") -> None:
        """A task that ends stops the adapter; asyncio alone would let the other one run on."""
        try:
            await task
        except Exception as why:
            self._crash.append(why)
