"""Time of day, from NTP, and time since the start, from ticks only."""

import time

from .console import say

TYPE_CHECKING = False  # what follows is for mypy; a device has no typing
if TYPE_CHECKING:
    from collections.abc import Callable

# The chip's clock begins in 2000 when the power comes on, and runs on over a reset.
_FIRST_YEAR = 2026
_SYNC_S = 12 * 3600  # an ESP32's quartz is out by less than a second in that time
# Between two questions: with a broker that waits for the time, and otherwise. A name server that
# is dead blocks each for 14 s. The buffer for P1 holds no more than that.
_RETRY_MAX_S = 60
_PATIENT_MAX_S = 900


def ticks() -> int:
    """Milliseconds, for time.ticks_diff(); the stubs hide that it is an int."""
    return time.ticks_ms()  # type: ignore[return-value]


class Clock:
    """server: the NTP server of the settings. If it does not answer, the router is asked, whose
    address router() gives, and then the Concentrator. is_needed: whether nothing can be published
    without the time."""

    def __init__(
        self, server: str, router: "Callable[[], str]", concentrator: str, is_needed: bool
    ) -> None:
        self._is_needed = is_needed
        self._server = server
        self._router = router
        self._concentrator = concentrator
        self._ticks = time.ticks_ms()
        self._uptime = 0  # ms
        self._next = 0
        self.set_at: str | None = None  # when NTP last answered, as text
        self.failures = 0  # since then

    def uptime(self) -> int:
        """Whole seconds since the start. Call it more often than every 6 days (ticks wrap)."""
        now = time.ticks_ms()
        self._uptime += time.ticks_diff(now, self._ticks)
        self._ticks = now
        return self._uptime // 1000

    def known(self) -> bool:
        return time.gmtime()[0] >= _FIRST_YEAR

    def due(self) -> bool:
        return self.uptime() >= self._next

    def doubt(self) -> None:
        """A certificate is too old or too new by this clock: NTP must be asked again."""
        if not self.failures:
            self._next = 0

    def sync(self) -> bool:
        """Asks NTP; blocks for a name lookup and a second. Whether it answered."""
        import ntptime

        servers = (self._server, self._router() or self._server, self._concentrator)
        server = ntptime.host = servers[self.failures % len(servers)]
        now = self.uptime()
        try:
            ntptime.settime()
        except (OSError, OverflowError, IndexError, ValueError) as why:
            self.failures += 1
            limit = _RETRY_MAX_S if self._is_needed and not self.known() else _PATIENT_MAX_S
            self._next = now + min(1 << min(self.failures, 10), limit)
            if self.failures <= len(servers):
                say("clock", "no answer from %s (%s)" % (server, why))
            return False
        self._next = now + _SYNC_S
        self.failures = 0
        if self.set_at is None:
            say("clock", "set to %s by %s" % (self.text(), server))
        self.set_at = self.text()
        return True

    def text(self, age_ms: int = 0) -> str | None:
        """The time age_ms ago as RFC 3339 text in UTC; None if unknown."""
        if not self.known():
            return None
        t = time.gmtime(int(time.time()) - (age_ms + 500) // 1000)
        return "%04d-%02d-%02dT%02d:%02d:%02dZ" % t[:6]

    def ahead(self, text: str) -> int | None:
        """By how many seconds an RFC 3339 time is ahead of ours; None if ours is not known."""
        if not self.known():
            return None
        moment = [
            int(text[i:j]) for i, j in ((0, 4), (5, 7), (8, 10), (11, 13), (14, 16), (17, 19))
        ]
        theirs = int(time.mktime(tuple(moment) + (0, 0)))
        zone = text[19:].lstrip(".0123456789")
        if zone != "Z":
            minutes = int(zone[1:3]) * 60 + int(zone[4:6])
            theirs -= 60 * (minutes if zone[0] == "+" else -minutes)
        return theirs - int(time.time())
