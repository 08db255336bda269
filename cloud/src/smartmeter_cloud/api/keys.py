"""API keys and sessions: their text, what is kept of it, and how long they are valid."""

import hashlib
import secrets
import time

from smartmeter_cloud.store.rows import Key

PREFIX = "smc_"  # so that secret scanners find a key that somebody committed
SESSION_DAYS = 30
FIRST_HOURS = 24  # the first administrator's link
FIRST_NAME = "first administrator"
_DAY_MS = 86_400_000


def new_key(
    name: str,
    scopes: str,
    household: str | None,
    days: float | None,
    once: bool = False,
    *,
    session: bool = False,
    parent: bytes | None = None,
    until: int | None = None,
) -> tuple[Key, str]:
    """(what is kept of it, the key itself, which is shown once).

    days: None without an end of its own. until: the end of what it is made with, ms.
    """
    text = PREFIX + secrets.token_urlsafe(32)
    now = now_ms()
    ends = [until] if until is not None else []
    if days is not None:
        ends.append(now + int(days * _DAY_MS))
    expires = min(ends, default=None)
    return Key(digest(text), name, scopes, household, now, expires, once, session, parent), text


def digest(token: str) -> bytes:
    """A key has 256 random bits, so one round of SHA-256 is enough."""
    return hashlib.sha256(token.encode()).digest()


def now_ms() -> int:
    return int(time.time() * 1000)
