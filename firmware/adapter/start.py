"""Starts the adapter, and sees to it that it starts again."""

import asyncio
import gc
import sys
import time

import machine
from smartmeter import __version__

from .console import say
from .settings import NotProvisioned, Store

# A watchdog that was set up cannot be switched off; this is for work on the console.
_CONSOLE_MS = 3_600_000
_RESTART_S = 5


def main():
    say("adapter", "version %s" % __version__)
    gc.collect()
    # Collect before the heap grows: what it takes from the system's memory, TLS is short of.
    gc.threshold(gc.mem_free() // 4 + gc.mem_alloc())
    try:
        # The settings first, while the heap is in one piece.
        store = Store()
        settings = store.document()
        from .app import Adapter

        adapter = Adapter(settings, store.secret)
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
