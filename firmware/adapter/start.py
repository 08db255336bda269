"""Starts the adapter, and restarts it when it ends."""

import asyncio
import gc
import io
import select
import sys
import time

import machine
from smartmeter import __version__

from .console import advise, say
from .health import Health, Restart
from .settings import NotProvisioned, Store, Unreadable

# A watchdog that was set up cannot be switched off; this is for work on the console.
_CONSOLE_MS = 3_600_000
_RESTART_S = 5
_GARBAGE_MAX = 16_384  # bytes; one telegram of P1 leaves 50 to 140 kB (measured), one of M-Bus 11
_IDLE_MS = 600_000  # without settings that can be used; somebody may be about to provision it
_NVS_MS = 60_000
_CTRL_C_MS = 2_000  # mpremote and people go on typing; noise on an open RX does not


class Unusable(Exception):
    """Why the adapter cannot run with its settings, in one sentence."""


def main() -> None:
    say("adapter", "version %s" % __version__)
    gc.collect()
    # Collect before the heap grows: what it takes from the system's memory, TLS is short of.
    gc.threshold(_GARBAGE_MAX)
    health = Health()
    if health.safe:
        say("adapter", "safe mode after %d crashes: %s" % (health.crashes, health.last_crash))
    try:
        _run(health)
    except KeyboardInterrupt:
        health.stopped("")
        say("adapter", "Ctrl-C; it continues unless you press another key")
        _console_or_restart(health, _CTRL_C_MS, "a Ctrl-C on the console, and nothing after it")
    except Unusable as why:
        say("settings", str(why))
        _console_or_restart(health, _IDLE_MS, str(why))
    except Unreadable as why:
        _console_or_restart(health, _NVS_MS, str(why))
    except Exception as why:
        gc.collect()  # it may have been for want of memory
        if isinstance(why, MemoryError):
            advise()
        try:
            text = io.StringIO()
            sys.print_exception(why, text)
            print(text.getvalue())
            health.crashed(text.getvalue().strip())
            say("adapter", "crashed; restarting in %d s" % _RESTART_S)
        finally:
            time.sleep(_RESTART_S)
            machine.reset()


def _console_or_restart(health: Health, ms: int, why: str) -> None:
    """Leaves the console to a person who types within that time. Otherwise the adapter restarts."""
    machine.WDT(timeout=_CONSOLE_MS)
    if _is_typed(ms):
        say("adapter", "stopped; Ctrl-D starts it again")
    else:
        health.stopped(why)
        machine.reset()


def _is_typed(ms: int) -> bool:
    """Whether anything comes on the console within that time; it stays there to be read."""
    console = select.poll()
    console.register(sys.stdin, select.POLLIN)
    until = time.ticks_add(time.ticks_ms(), ms)
    try:
        while time.ticks_diff(until, time.ticks_ms()) > 0:
            if console.poll(100):
                return True
    except KeyboardInterrupt:
        return True
    return False


def _run(health: Health) -> None:
    # The settings first, while the heap is in one piece.
    store = Store()
    try:
        settings = store.document()
        from .app import Adapter

        adapter = Adapter(settings, store, health)
    except NotProvisioned:
        raise Unusable("none yet; on your computer type: python -m tools.provision")
    except ValueError as why:
        raise Unusable(str(why))
    try:
        asyncio.run(adapter.run())
    except Restart as why:
        say("adapter", "%s; restarting" % why)
        health.stopped(str(why))
        machine.reset()
