"""The adapter, put together from its settings: what reads, what publishes, what watches."""

import asyncio

import machine
from smartmeter import Receiver

from . import broker, network
from .clock import Clock
from .meter import Meter
from .outbox import Outbox
from .port import Port
from .publisher import Publisher
from .status import Status

# Longer than the longest that blocks: name lookup 14 s, handshake 10 s, publish 5 s.
_WATCHDOG_MS = 120_000
# Both tasks look up at least every minute, or something hangs.
_HANGS_S = 90


class Adapter:
    """settings as schema.check() gives them; secret: name -> bytes or None."""

    def __init__(self, settings, secret):
        meter_id = settings["meter"]["id"]
        values = settings["publish"]["values"]
        security = None
        if settings["broker"]["tls"]:
            ca = secret("broker_ca")
            if not ca:
                raise ValueError("broker.tls is on, but no CA is there to check the broker by")
            security = broker.context(ca, secret("client_cert"), secret("client_key"))
        self.clock = Clock(settings["time"]["ntp"])
        port = Port(settings["meter"])
        receiver = Receiver(
            secret("meter_key"),
            secret("meter_auth_key"),
            settings["meter"]["link"],
            settings["meter"]["profile"],
        )
        outbox = Outbox()
        self.meter = Meter(port, receiver, outbox, self.clock, values)
        lan = network.interface(settings, secret("wifi_password"))
        status = Status(self.meter, port, lan, self.clock, outbox, values)
        client = broker.Broker(
            settings["broker"], meter_id, secret("broker_password"), security, port.drain
        )
        self.publisher = Publisher(meter_id, lan, self.clock, client, outbox, status)

    async def run(self):
        watchdog = machine.WDT(timeout=_WATCHDOG_MS)
        tasks = [
            asyncio.create_task(_crashing(task))
            for task in (self.meter.run(), self.publisher.run())
        ]
        while tasks:
            now = self.clock.uptime()
            if now - min(self.meter.looked, self.publisher.looked) < _HANGS_S:
                watchdog.feed()
            if _crash:
                raise _crash[0]
            await asyncio.sleep_ms(1000)


_crash = []


async def _crashing(task):
    """A task that ends takes the adapter with it; asyncio alone would let the rest run on."""
    try:
        await task
    except Exception as why:
        _crash.append(why)
