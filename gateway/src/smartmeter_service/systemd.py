"""Tell systemd how this process is, if systemd started it (sd_notify(3))."""

import contextlib
import os
import socket

READY = "READY=1"
WATCHDOG = "WATCHDOG=1"  # repeat it within the unit's WatchdogSec, or systemd restarts us
STOPPING = "STOPPING=1"


def notify(state: str) -> None:
    """Send READY, WATCHDOG or STOPPING; does nothing without systemd."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    if address.startswith("@"):  # a socket in Linux's abstract namespace
        address = "\0" + address[1:]
    with (
        contextlib.suppress(OSError),
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as s,
    ):
        s.sendto(state.encode(), address)
