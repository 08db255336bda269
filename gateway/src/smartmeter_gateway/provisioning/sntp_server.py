"""The time for adapters in a network where no NTP server can be reached.

This is SNTP (RFC 4330, section 6): 48 bytes in, 48 bytes out, no state. The time is this machine's,
so something else must keep that right.
"""

import socket
import struct
import time

from smartmeter_service.threads import RestartedThread

from ..config.settings import SntpSettings
from ..monitoring.registry import Registry

_SIZE = 48
_CLIENT, _SERVER = 3, 4  # modes
# An NTP client with a choice prefers nearly any other server; an adapter only wants the time.
_STRATUM = 10
_PRECISION = -20  # about a microsecond, as a power of two
_1900 = 2_208_988_800  # seconds from the epoch of NTP to the one of Unix
_LOOK_S = 0.5


class SntpUnavailable(Exception):
    """The port cannot be listened on; one sentence."""


class SntpServer:
    """Answers from start() to stop()."""

    def __init__(self, settings: SntpSettings, registry: Registry) -> None:
        kind = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
        self._socket = socket.socket(kind, socket.SOCK_DGRAM)
        self._socket.settimeout(_LOOK_S)
        try:
            self._socket.bind((settings.host, settings.port))
        except OSError as why:
            self._socket.close()
            raise SntpUnavailable(
                f"[sntp] cannot listen on {settings.host}:{settings.port}: "
                f"{(why.strerror or str(why)).lower()}"
            ) from None
        self.port = int(self._socket.getsockname()[1])
        self._ended = False
        self._thread = RestartedThread("sntp", self._run, registry.own_fault)

    def start(self) -> None:
        self._thread.start()

    def stop(self, timeout: float) -> None:
        self._ended = True
        self._thread.join(timeout)
        self._socket.close()

    def _run(self) -> None:
        while not self._ended:
            try:
                request, client = self._socket.recvfrom(512)
                answer = _answer(request, time.time())
                if answer:
                    self._socket.sendto(answer, client)
            except OSError:  # nothing came, or the client can no longer be reached
                continue


def _answer(request: bytes, now: float) -> bytes | None:
    """The answer to a request, or None for what no client sends."""
    if len(request) < _SIZE or request[0] & 7 != _CLIENT:
        return None
    version = request[0] >> 3 & 7
    head = struct.pack("!BBbb", version << 3 | _SERVER, _STRATUM, request[2], _PRECISION)
    stamp = struct.pack("!II", (int(now) + _1900) & 0xFFFFFFFF, int(now % 1 * (1 << 32)))
    # root delay and dispersion 0; reference id; reference, originate, receive, transmit time
    return head + bytes(8) + b"LOCL" + stamp + request[40:48] + stamp + stamp
