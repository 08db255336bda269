"""Puts the adapter together from its settings and runs it."""

import asyncio
import gc
import sys
import time

import machine
from smartmeter import Receiver, __version__

from . import broker, network
from .clock import Clock
from .console import say
from .meter import Meter
from .outbox import Outbox
from .port import Port
from .publisher import Publisher
from .settings import NotProvisioned, Store
from .status import Status

# Longer than the longest that blocks: name lookup 14 s, handshake 15 s, publish 5 s.
_WATCHDOG_MS = 120_000
# A watchdog that was set up cannot be switched off; this is for work on the console.
_CONSOLE_MS = 3_600_000
# Both tasks look up at least every minute, or something hangs.
_HANGS_S = 90
_RESTART_S = 5


class Adapter:
    def __init__(self, store):
        settings = store.document()
        secret = store.secret
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
        asyncio.create_task(_crashing(self.meter.run()))
        asyncio.create_task(_crashing(self.publisher.run()))
        while True:
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


def main():
    say("adapter", "version %s" % __version__)
    gc.collect()
    # Collect before the heap grows: what it takes from the system's memory, TLS is short of.
    gc.threshold(gc.mem_free() // 4 + gc.mem_alloc())
    try:
        adapter = Adapter(Store())
    except NotProvisioned:
        say("settings", "none yet; on the computer type: python -m tools.provision")
        return
    except ValueError as why:
        say("settings", str(why))
        return
    try:
        asyncio.run(adapter.run())
    except KeyboardInterrupt:
        machine.WDT(timeout=_CONSOLE_MS)
        say("adapter", "stopped; Ctrl-D starts it again")
    except Exception as why:
        sys.print_exception(why)
        say("adapter", "crashed; it starts again in %d s" % _RESTART_S)
        time.sleep(_RESTART_S)
        machine.reset()
