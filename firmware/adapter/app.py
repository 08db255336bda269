"""The adapter, assembled from its settings: reader, publisher, watchdog."""

import asyncio
import gc
import os

import machine
from network import hostname

from . import broker
from .clock import Clock
from .console import say
from .health import GOOD_S, SAFE_S, Restart
from .network import Wifi
from .outbox import Outbox
from .port import Port, answerer
from .progress import NO_BYTES, READINGS
from .publisher import Publisher
from .settings import forget

TYPE_CHECKING = False  # what follows is for mypy; a device has no typing
if TYPE_CHECKING:
    from collections.abc import Awaitable

    from .health import Health
    from .meter import Meter
    from .settings import Document, Store

# Longer than the longest that blocks: name lookup 14 s, handshake 10 s, publish 5 s.
_WATCHDOG_MS = 120_000
# Both tasks look up at least every minute, or something hangs.
_HANGS_S = 90
_TRIAL_S = 600  # a new version that has published nothing by then is given up


class Adapter:
    """settings in the form that schema.check() returns."""

    def __init__(self, settings: "Document", store: "Store", health: "Health") -> None:
        security = None
        to = settings["broker"]
        if to["tls"]:
            ca = store.secret("broker_ca")
            if not ca:
                raise ValueError("broker.tls is on, but there is no CA to verify the broker")
            security = broker.context(ca, store.secret("client_cert"), store.secret("client_key"))
        self._settings = settings
        self._store = store
        self._health = health
        lan = _interface(settings, store.secret("wifi_password"))
        self.clock = Clock(settings["time"]["ntp"], lan.router, to["host"], to["tls"])
        meter = settings["meter"]
        for name in ("meter_key", "meter_auth_key"):
            if len(store.secret(name) or bytes(16)) != 16:
                raise ValueError("%s is 16 bytes long" % name)
        answers = answerer(meter)
        self._port = Port(meter, answers)
        from . import line_setting

        if not health.safe and (answers or meter["line"] != line_setting.AUTO):
            # Now, because what the meter sends while the broker is reached is not lost.
            self._port.open(
                answers.setting + (False,) if answers else line_setting.parse(meter["line"])
            )
        forget(line_setting.__name__)
        self._outbox = Outbox()
        # The Cloud's broker knows a Concentrator by its own id, because meters of two houses may
        # have the same name. A client with another's id disconnects that one (MQTT 3.1.1, 3.1.4-2).
        concentrator = settings["publish"]["concentrator"]
        client_id = "concentrator-" + concentrator if concentrator else meter["id"]
        client = broker.Broker(
            to, client_id, store.secret("broker_password"), security, self._port.drain
        )
        self.publisher = Publisher(settings, lan, self.clock, client, self._outbox)
        from smartmeter.wire import topics

        if store.secret("update_key"):
            client.take(topics.command(meter["id"], topics.UPDATE), self._command)
        forget(topics.__name__)
        self._led: int | None = meter["led"]
        self._lan = lan
        self._client = client
        self.meter: "Meter | None" = None
        self._tasks: "list[asyncio.Task[None]]" = []
        self._crash: "list[Exception]" = []

    async def _publish(self) -> None:
        # The first handshake before the larger part of the program is loaded: while the heap is
        # small, Wi-Fi and TLS find theirs in one piece.
        await self.publisher.reach()
        self._load()
        await self.publisher.run()

    def _load(self) -> None:
        """Loads what reads the meter, and starts it."""
        gc.collect()
        from .meter import Meter
        from .status import Status

        meter = Meter(self._port, self._settings, self._store, self._outbox, self.clock)
        status = Status(meter, self._port, self._lan, self.clock, self._outbox, self._health)
        self.publisher.status = status
        if not self._health.safe:
            if not self._port.line:
                meter.search()
            self._tasks.append(asyncio.create_task(self._crashing(meter.run())))
        self.meter = meter
        # Each of them exists once. What set it up is not needed again: its memory serves the rest.
        made = (self, self.publisher, self._client, self._port, self._outbox, self.clock)
        for once in made + (self._health, self._store, meter, status):
            setattr(type(once), "__init__", None)  # noqa: B010 (mypy knows only a method there)
        status.measure()

    def _command(self, payload: bytes) -> None:
        """Takes a command of an update; the first one loads what unpacks it."""
        update = self.publisher.update
        if update is None:
            gc.collect()
            try:
                from .update import Update

                update = Update(self._store, self._port.drain)
            except MemoryError:
                say("update", "no memory for it")
                self.publisher.update_text = "refused: no memory for it"
                return
            self.publisher.update = update
        update.command(payload)

    def _stage(self) -> int:
        """How far the chain works: flashes of the LED, or 0 where all is well."""
        if self._health.safe:
            return 5
        if not self._lan.connected():
            return 1
        if not self._client.connected:
            return 2
        if self.meter is None or self.meter.progress == NO_BYTES:
            return 3
        return 0 if self.meter.progress == READINGS else 4

    def _is_on_trial(self, now: int) -> bool:
        """Keeps a new version that has published readings; gives up one that has not."""
        import slots

        if self.publisher.published:
            slots.keep()
            say("update", "this version works and is kept")
            return False
        found = slots.state()
        if now > _TRIAL_S and found and found.get("trial"):
            slots.back(found)
            raise Restart("this version has published nothing and is given up")
        return True

    def _begin_trial(self) -> bool:
        """Whether this version is on trial; tells the status if the last one was given up."""
        try:
            os.stat("/slot.json")  # slots.py is loaded only if there was an update
        except OSError:
            return False
        import slots

        found = slots.state() or {}
        if "given_up" in found:
            self.publisher.update_text = "%s did not work and was given up" % found["given_up"]
        return bool(found.get("trial"))

    async def run(self) -> None:
        """Runs until something raises; health.Restart for an intended restart."""
        watchdog = machine.WDT(timeout=_WATCHDOG_MS)
        self._health.start()
        safe = self._health.safe
        trial = self._begin_trial()
        self._tasks.append(asyncio.create_task(self._crashing(self._publish())))
        if self._led is not None:
            from .led import blink

            self._tasks.append(asyncio.create_task(blink(self._led, self._stage)))
        while True:
            now = self.clock.uptime()
            looked = self.publisher.looked
            if self.meter is None:
                self._port.drain()
            elif not safe:
                looked = min(looked, self.meter.looked)
            if now - looked < _HANGS_S:
                watchdog.feed()
            if self._crash:
                if self.meter and isinstance(self._crash[0], MemoryError):
                    self.meter.short_of_memory()
                raise self._crash[0]
            if safe and now > SAFE_S:
                raise Restart("the safe mode is over")
            if trial:
                trial = self._is_on_trial(now)
            update = self.publisher.update
            if update and update.ready and not update.news:
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


def _interface(settings: "Document", password: bytes | None) -> Wifi:
    """The interface in the settings."""
    # A router shows this name, and mDNS answers to it with ".local".
    hostname("smartmeter-%s" % machine.unique_id()[-3:].hex())
    if "wifi" in settings:
        return Wifi(settings["wifi"], password)
    from .ethernet import Ethernet

    return Ethernet(settings["ethernet"], None)
