"""A process that was asked to end does so, whatever hangs in it."""

import faulthandler
import sys


def exit_by_force_after(seconds: float) -> None:
    """End the process with status 1 after that time, and write where its threads are.

    The interpreter's own watchdog does it: it needs no lock and works in a signal's handler.
    """
    faulthandler.dump_traceback_later(seconds, exit=True, file=sys.__stderr__ or sys.stderr)
