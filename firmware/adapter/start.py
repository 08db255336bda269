"""Starts the adapter, and sees to it that it starts again."""

import asyncio
import gc
import io
import sys
import time

import machine
from smartmeter import __version__

from .console import say
from .health import Health, Restart
from .settings import NotProvisioned, Store

# A watchdog that was set up cannot be switched off; this is for work on the console.
_CONSOLE_MS = 3_600_000
_RESTART_S = 5


def main() -> None:
    say("adapter", "version %s" % __version__)
    gc.collect()
    # Collect before the heap grows: what it takes from the system's memory, TLS is short of.
    gc.threshold(gc.mem_free() // 4 + gc.mem_alloc())
    health = Health()
    if health.safe:
        say("adapter", "safe mode after %d crashes: %s" % (health.crashes, health.last_crash))
    try:
        _run(health)
    except KeyboardInterrupt:
        health.stopped("")
        machine.WDT(timeout=_CONSOLE_MS)
        say("adapter", "stopped; Ctrl-D starts it again")
    except NotProvisioned:
        say("settings", "none yet; on the computer type: python -m tools.provision")
    except Exception as why:
        gc.collect()  # it may have been for want of memory
        try:
            text = io.StringIO()
            sys.print_exception(why, text)
            print(text.getvalue())
            health.crashed(text.getvalue().strip())
            say("adapter", "crashed; it starts again in %d s" % _RESTART_S)
        finally:
            time.sleep(_RESTART_S)
            machine.reset()


def _run(health: Health) -> None:
    # The settings first, while the heap is in one piece.
    store = Store()
    try:
        settings = store.document()
        from .app import Adapter

        adapter = Adapter(settings, store, health)
    except ValueError as why:
        say("settings", str(why))
        return
    try:
        asyncio.run(adapter.run())
    except Restart as why:
        say("adapter", "%s; it starts anew" % why)
        health.stopped(str(why))
        machine.reset()
