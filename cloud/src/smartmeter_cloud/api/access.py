"""Who asks, and what of the store is theirs: the one place that decides.

An endpoint gets a Caller and never the store itself, so a household that is not the caller's
cannot be asked for.
"""

import hashlib
import secrets
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated, TypeVar

from fastapi import Depends, Request
from fastapi.security import APIKeyCookie, HTTPBearer

from smartmeter_cloud.api.problems import Problem
from smartmeter_cloud.api.rate_limit import WrongKeyLimit
from smartmeter_cloud.auth.oidc import Issuer, Rejected
from smartmeter_cloud.auth.scopes import ADMIN, AGGREGATE, DELETE, METRICS, PROVISION, READ, SCOPES
from smartmeter_cloud.store.households import DEFAULT
from smartmeter_cloud.store.interface import Store
from smartmeter_cloud.store.rows import Bucket, Key, Meter, Newest, Reading, Volts
from smartmeter_cloud.store.slices import Slice

_Found = TypeVar("_Found")

COOKIE = "smartmeter"
SESSION_DAYS = 30
FIRST_HOURS = 24  # the first administrator's link
UNUSED_MAX = 100  # meters of a household that are only planned


@dataclass(frozen=True)
class Caller:
    """name: for the audit log; households: whose data may be seen, None for everybody's."""

    store: Store = field(repr=False)
    name: str
    scopes: frozenset[str]
    households: frozenset[str] | None

    def meters(self) -> set[str]:
        """The ids of the meters that are theirs."""
        return {
            m.name
            for m in self.store.meters()
            if self.households is None or m.household in self.households
        }

    def newest(self) -> list[Newest]:
        own = self.meters()
        return [n for n in self.store.newest() if n.reading.meter in own]

    def power(self, meter: str, start: int, end: int, width: int) -> list[Bucket]:
        self._check(meter)
        return self.store.power(meter, start, end, width)

    def voltage(self, meter: str, start: int, end: int, width: int) -> list[Volts]:
        self._check(meter)
        return self.store.voltage(meter, start, end, width)

    def first_total(self, meter: str, code: str, start: int, end: int) -> Reading | None:
        self._check(meter)
        return self.store.first_total(meter, code, start, end)

    def slices(self, meter: str, tier: str, start: int, end: int) -> list[Slice]:
        self._check(meter)
        return self.store.slices(meter, tier, start, end)

    def meter(self, meter: str) -> Meter:
        self._check(meter)
        return next(m for m in self.store.meters() if m.name == meter)

    def add_meter(self, household: str | None, label: str, family: str) -> Meter:
        """A new meter, in a household of the caller's; the only one where none is named."""
        if self.households is None:
            household = household or DEFAULT
        elif household is None and len(self.households) == 1:
            (household,) = self.households
        if household is None or (self.households is not None and household not in self.households):
            raise Problem(403, "name a household that is yours")
        unused = {m.name for m in self.store.meters() if m.household == household}
        unused -= {n.reading.meter for n in self.store.newest()}
        if len(unused) >= UNUSED_MAX:
            raise Problem(
                409, f"this household has {UNUSED_MAX} meters that never sent a reading; use those"
            )
        made = Meter(str(uuid.uuid4()), household, label, family)
        self.store.add_meter(made)
        self.note(f"made meter {made.name} of household {household}")
        return made

    def name_meter(self, meter: str, label: str) -> None:
        self._check(meter)
        self.store.name_meter(meter, label, None)

    def forget_meter(self, meter: str) -> int:
        self._check(meter)
        gone = self.store.forget_meter(meter)
        self.note(f"deleted meter {meter} with {gone} rows")
        return gone

    def place_concentrator(self, concentrator: str, household: str) -> None:
        self.store.place_concentrator(concentrator, household)
        self.note(f"gave Concentrator {concentrator} to household {household}")

    def note(self, what: str) -> None:
        self.store.note(_now(), self.name, what)

    def _check(self, meter: str) -> None:
        # The same answer for what is not there and what is somebody else's.
        if meter not in self.meters():
            raise Problem(404, "there is no such meter")


class Authenticator:
    """Finds out who asks: by API key, session cookie or a token of an OpenID Connect issuer.

    open: whoever reaches the port may do everything (only on the loopback).
    """

    def __init__(self, store: Store, is_open: bool, issuer: Issuer | None) -> None:
        self.store = store
        self.open = is_open
        self.issuer = issuer
        self.wrong_keys = WrongKeyLimit()

    def caller(self, request: Request) -> Caller:
        header = request.headers.get("Authorization", "")
        if header:
            kind, _, token = header.partition(" ")
            if kind.lower() != "bearer" or not token:
                raise _unknown("the Authorization header must be: Bearer TOKEN")
            return self._rate_limited(request, token.strip(), self._by_token)
        cookie = request.cookies.get(COOKIE)
        if cookie and (key := self.store.key(digest(cookie), _now())) and not key.once:
            return self._of_key(key)
        if self.open:
            if any(name in request.headers for name in _FORWARDED):
                raise _unknown(
                    'open is for this machine alone: behind a proxy say http.access = "keys"'
                )
            return Caller(self.store, "local", frozenset(SCOPES), None)
        raise _unknown("log in, or send an API key as: Authorization: Bearer TOKEN")

    def _by_token(self, token: str) -> Caller:
        if token.startswith(PREFIX):
            key = self.store.key(digest(token), _now())
            if key and not key.once:
                return self._of_key(key)
            raise _unknown("this key is not known or has expired")
        if self.issuer is None:
            raise _unknown("this key is not known or has expired")
        try:
            name, scopes, households = self.issuer.check(token)
        except Rejected as e:
            raise _unknown(str(e)) from None
        return Caller(self.store, name, scopes, households)

    def _of_key(self, key: Key) -> Caller:
        households = None if key.household is None else frozenset((key.household,))
        return Caller(self.store, key.name, frozenset(key.scopes.split()), households)

    def _rate_limited(self, request: Request, token: str, look: Callable[[str], _Found]) -> _Found:
        """look(token), unless that address has sent too many wrong keys."""
        address = request.client.host if request.client else ""
        known = digest(token)
        if seconds := self.wrong_keys.wait(address, known):
            raise Problem(429, "too many wrong keys", {"Retry-After": str(seconds)})
        try:
            found = look(token)
        except Problem:
            self.wrong_keys.wrong(address)
            raise
        self.wrong_keys.right(known)
        return found

    def open_session(self, request: Request, token: str) -> str:
        """Takes a one-time token or a key; a new session's token with the same rights."""
        return self._rate_limited(request, token, self._new_session)

    def _new_session(self, token: str) -> str:
        key = self.store.key(digest(token), _now())
        if key is None:
            raise _unknown("this link has been used or has expired")
        session, text = new_key(f"session of {key.name}", key.scopes, key.household, SESSION_DAYS)
        self.store.add_key(session)
        self.store.note(_now(), key.name, "logged in")
        return text

    def close_session(self, token: str) -> None:
        self.store.remove_key(digest(token))


# What proxies add: who comes by one comes from anywhere.
_FORWARDED = ("x-forwarded-for", "x-forwarded-host", "x-real-ip", "forwarded", "via")
PREFIX = "smc_"  # so that a key that was committed somewhere can be found


def new_key(
    name: str, scopes: str, household: str | None, days: float | None, once: bool = False
) -> tuple[Key, str]:
    """(what is kept of it, the key itself, which is shown once)."""
    text = PREFIX + secrets.token_urlsafe(32)
    now = _now()
    expires = None if days is None else now + int(days * 86_400_000)
    return Key(digest(text), name, scopes, household, now, expires, once), text


def digest(token: str) -> bytes:
    """A key has 256 bits of chance: one round of SHA-256 is enough, and as slow as it needs."""
    return hashlib.sha256(token.encode()).digest()


# For the OpenAPI document; Authenticator reads both itself.
_KEY = HTTPBearer(
    scheme_name="key",
    description="An API key (smc_...), or a token of the OpenID Connect issuer.",
    auto_error=False,
)
_SESSION = APIKeyCookie(name=COOKIE, scheme_name="session", auto_error=False)


def requiring(scope: str) -> Callable[..., Caller]:
    def caller(
        request: Request,
        key: Annotated[object, Depends(_KEY)],
        cookie: Annotated[object, Depends(_SESSION)],
    ) -> Caller:
        authenticator: Authenticator = request.app.state.authenticator
        found = authenticator.caller(request)
        if scope not in found.scopes and ADMIN not in found.scopes:
            raise Problem(403, f'this needs the scope "{scope}"')
        return found

    return caller


Reads = Annotated[Caller, Depends(requiring(READ))]
Deletes = Annotated[Caller, Depends(requiring(DELETE))]
Aggregates = Annotated[Caller, Depends(requiring(AGGREGATE))]
Provisions = Annotated[Caller, Depends(requiring(PROVISION))]
ReadsMetrics = Annotated[Caller, Depends(requiring(METRICS))]
Admin = Annotated[Caller, Depends(requiring(ADMIN))]


def _unknown(detail: str) -> Problem:
    return Problem(401, detail, {"WWW-Authenticate": "Bearer"})


def _now() -> int:
    return int(time.time() * 1000)
