"""Starts the adapter when the board has booted. Ctrl-C on the console stops it for mpremote."""

import os
import sys

slot = ""
try:
    os.stat("slot.json")
except OSError:
    pass  # there was no update yet
else:
    import slots

    slot = slots.choose()
    del slots, sys.modules["slots"]  # its memory serves the rest
if slot:
    import machine

    # A new version that hangs before it has a watchdog of its own must not hang forever.
    machine.WDT(timeout=120_000)
    sys.path.insert(0, "/" + slot + "/lib")
    sys.path.insert(0, "/" + slot)

from adapter import start  # noqa: E402

start.main()
if slot:
    machine.WDT(timeout=3_600_000)  # it has ended by itself; there is work on the console
