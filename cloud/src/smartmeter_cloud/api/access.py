"""Authenticates callers, and defines the scope that each endpoint needs."""

from collections.abc import AsyncIterator, Callable
from typing import Annotated, TypeVar

from fastapi import Depends, Request
from fastapi.security import APIKeyCookie, HTTPBearer

from smartmeter_cloud.api.caller import Caller
from smartmeter_cloud.api.concurrency_limit import ConcurrencyLimit
from smartmeter_cloud.api.keys import FIRST_NAME, PREFIX, SESSION_DAYS, digest, new_key, now_ms
from smartmeter_cloud.api.problems import Problem
from smartmeter_cloud.api.rate_limit import SLOW_SECONDS, WrongKeyLimit
from smartmeter_cloud.auth.issuer_keys import NotFetched
from smartmeter_cloud.auth.oidc import Issuer, Rejected
from smartmeter_cloud.auth.scopes import ADMIN, AGGREGATE, DELETE, METRICS, PROVISION, READ, SCOPES
from smartmeter_cloud.store.interface import Store
from smartmeter_cloud.store.rows import Key

_Found = TypeVar("_Found")

COOKIE = "smartmeter"


def cookie_name(request: Request) -> str:
    """The session's cookie. By TLS no other service of this host name can set it (RFC 6265bis)."""
    return f"__Host-{COOKIE}" if request.url.scheme == "https" else COOKIE


class Authenticator:
    """Identifies the caller: by API key, session cookie or a token of an OpenID Connect issuer.

    open: anyone who reaches the port may do everything (only on the loopback).
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
            return self._slowed_down(request, token.strip(), self._by_token)
        cookie = request.cookies.get(cookie_name(request))
        if cookie and (key := self.store.key(digest(cookie), now_ms())) and key.session:
            return self._of_key(key)
        if self.open:
            if _came_by_proxy(request):
                raise _unknown(
                    'open is only for this machine; behind a proxy set http.access = "keys"'
                )
            return Caller(self.store, "local", frozenset(SCOPES), None)
        raise _unknown("log in, or send an API key as: Authorization: Bearer TOKEN")

    def _by_token(self, token: str) -> Caller:
        if token.startswith(PREFIX):
            key = self.store.key(digest(token), now_ms())
            if key and not key.once and not key.session:
                return self._of_key(key)
            raise _unknown("this key is unknown or has expired")
        if self.issuer is None:
            raise _unknown("this key is unknown or has expired")
        try:
            name, scopes, households, until = self.issuer.check(token)
        except Rejected as e:
            raise _unknown(str(e)) from None
        except NotFetched as e:
            raise Problem(503, str(e), {"Retry-After": "1"}) from None
        return Caller(self.store, name, scopes, households, until=until)

    def _of_key(self, key: Key) -> Caller:
        households = None if key.household is None else frozenset((key.household,))
        scopes = frozenset(key.scopes.split())
        return Caller(self.store, key.name, scopes, households, key.digest, key.expires)

    def _slowed_down(self, request: Request, token: str, look: Callable[[str], _Found]) -> _Found:
        """Return look(token). Many wrong ones from an address are answered slowly."""
        try:
            return look(token)
        except Problem as problem:
            if problem.status != 401:
                raise
            raise self.wrong(request, problem) from None

    def wrong(self, request: Request, problem: Problem) -> Problem:
        """Count a wrong key or token; returns the answer to it."""
        address = request.client.host if request.client else ""
        if seconds := self.wrong_keys.wrong(address):
            headers = {"Retry-After": str(seconds)}
            return Problem(429, "too many wrong keys from your address", headers, SLOW_SECONDS)
        return problem

    def open_session(self, request: Request, token: str) -> tuple[Key, str]:
        """Accepts a one-time token or a key; returns a new session with its rights, and a token.

        The session ends with the key, and is not good for a further one.
        """
        return self._slowed_down(request, token, self._new_session)

    def _new_session(self, token: str) -> tuple[Key, str]:
        key = self.store.key(digest(token), now_ms())
        if key is None or key.session:
            raise _unknown("this link has been used or has expired")
        # The link is deleted now: its session belongs to the key that made the link.
        parent = key.parent if key.once else key.digest
        until = None if key.once else key.expires
        if key.once and parent:
            maker = self.store.key(parent, now_ms())
            until = maker.expires if maker else 0
        session, text = new_key(
            f"session of {key.name}",
            key.scopes,
            key.household,
            SESSION_DAYS,
            session=True,
            parent=parent,
            until=until,
        )
        if not self.store.add_key(session):
            raise _unknown("this link has been used or has expired")
        if key.once and key.name == FIRST_NAME:
            self.store.remove_links(FIRST_NAME)  # those of other starts and processes
        self.store.note(now_ms(), key.name, "logged in", key.household)
        return session, text

    def close_session(self, token: str) -> None:
        key = self.store.key(digest(token), now_ms())
        if key and key.session:
            self.store.remove_key(key.digest)


def _came_by_proxy(request: Request) -> bool:
    """Behind a proxy anyone may call. nginx adds no header by default, but speaks HTTP/1.0."""
    named = any(
        name in ("forwarded", "via", "x-real-ip") or name.startswith(("x-forwarded-", "cf-"))
        for name in request.headers
    )
    return named or request.scope["http_version"] == "1.0"


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
        if scope == METRICS and found.households is not None:
            raise Problem(403, "these counts are of all households; use a key without a household")
        return found

    return caller


def within_limit(scope: str) -> Callable[..., AsyncIterator[Caller]]:
    """A caller with that scope; it waits while too many requests of its account are worked on."""

    async def caller(
        request: Request, found: Annotated[Caller, Depends(requiring(scope))]
    ) -> AsyncIterator[Caller]:
        limit: ConcurrencyLimit = request.app.state.concurrency_limit
        async with limit.of(found.account):
            yield found

    return caller


Listens = Annotated[Caller, Depends(requiring(READ))]  # for as long as it likes
Reads = Annotated[Caller, Depends(within_limit(READ))]
Deletes = Annotated[Caller, Depends(within_limit(DELETE))]
Aggregates = Annotated[Caller, Depends(within_limit(AGGREGATE))]
Provisions = Annotated[Caller, Depends(within_limit(PROVISION))]
ReadsMetrics = Annotated[Caller, Depends(within_limit(METRICS))]
Admin = Annotated[Caller, Depends(within_limit(ADMIN))]


def _unknown(detail: str) -> Problem:
    return Problem(401, detail, {"WWW-Authenticate": "Bearer"})
