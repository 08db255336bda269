"""Whether certificate, key or CA have been replaced since a connection was made with them."""

from smartmeter_service.errors import reason_of
from smartmeter_service.tls import tls_context

from .settings import BrokerSettings

_LOOK_S = 2.0

Stamp = tuple[tuple[int, int] | None, ...]  # inode and modification time of each file


class CertificateWatch:
    """A renewal replaces the files. Unusable files do not count as a renewal."""

    def __init__(self, settings: BrokerSettings) -> None:
        self._settings = settings
        self._stamp = self._now()
        self._look_at = 0.0

    def renewed(self, now: float) -> bool:
        """Whether there are new files to connect with. `now` is time.monotonic().

        Raises ValueError, once for each replacement, if the new files cannot be used.
        """
        if now < self._look_at:
            return False
        self._look_at = now + _LOOK_S
        stamp = self._now()
        if stamp == self._stamp:
            return False
        settings = self._settings
        try:
            tls_context(settings.ca, settings.certificate, settings.key)
        except (OSError, ValueError) as why:
            self._stamp = stamp
            raise ValueError(reason_of(why)) from None
        return True

    def _now(self) -> Stamp:
        settings = self._settings
        stamps: list[tuple[int, int] | None] = []
        for path in (settings.certificate, settings.key, settings.ca):
            try:
                found = path.stat() if path else None
            except OSError:
                found = None
            stamps.append((found.st_ino, found.st_mtime_ns) if found else None)
        return tuple(stamps)
