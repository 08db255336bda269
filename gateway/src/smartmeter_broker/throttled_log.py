"""A log that strangers cannot fill."""

import logging
import time

_EACH_S = 60.0


class ThrottledLog:
    """Writes one line of each kind a minute; the next line says how many were left out.

    Kinds are few and fixed, and never come from a client's data.
    """

    def __init__(self, log: logging.Logger) -> None:
        self._log = log
        self._written: dict[str, float] = {}
        self._left_out: dict[str, int] = {}

    def warning(self, kind: str, text: str) -> None:
        now = time.monotonic()
        if now - self._written.get(kind, -_EACH_S) < _EACH_S:
            self._left_out[kind] = self._left_out.get(kind, 0) + 1
            return
        self._written[kind] = now
        left_out = self._left_out.pop(kind, 0)
        more = f" (and {left_out} like it since the last such line)" if left_out else ""
        self._log.warning("embedded broker: %s%s", text, more)
