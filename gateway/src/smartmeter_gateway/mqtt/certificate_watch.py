"""Whether certificate, key or CA have been replaced while a connection made with them stands."""

from ..config.settings import BrokerSettings
from .tls import reason_of, tls_context

_LOOK_S = 2.0

Stamp = tuple[tuple[int, int] | None, ...]  # of each file inode and time of change


class RenewedFiles:
    """A renewal replaces them, by this program or another; what cannot be used is no renewal."""

    def __init__(self, settings: BrokerSettings) -> None:
        self._settings = settings
        self._stamp = self._now()
        self._look_at = 0.0

    def usable(self, now: float) -> bool:
        """Whether there are new ones to connect with; ValueError, once, where they are no good."""
        if now < self._look_at:
            return False
        self._look_at = now + _LOOK_S
        stamp = self._now()
        if stamp == self._stamp:
            return False
        try:
            tls_context(self._settings)
        except (OSError, ValueError) as why:
            self._stamp = stamp
            raise ValueError(reason_of(why)) from None
        return True

    def _now(self) -> Stamp:
        s = self._settings
        stamps: list[tuple[int, int] | None] = []
        for path in (s.certificate, s.key, s.ca):
            try:
                found = path.stat() if path else None
            except OSError:
                found = None
            stamps.append((found.st_ino, found.st_mtime_ns) if found else None)
        return tuple(stamps)
