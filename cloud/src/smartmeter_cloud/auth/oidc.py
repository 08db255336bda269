"""Bearer tokens of any OpenID Connect issuer."""

import json
import threading
import time
import urllib.request
from typing import Any

from smartmeter_cloud.config.settings import OidcSettings

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "ES256", "ES384", "EdDSA")
FETCH_SECONDS = 5
FETCH_MAX = 256 * 1024
# An unknown key id makes us ask the issuer again, but not more often than this.
AGAIN_SECONDS = 30.0
TOKEN_MAX = 8192
LEEWAY_SECONDS = 30  # for clocks that differ


class Rejected(Exception):
    """Why a token is refused; one sentence."""


class Issuer:
    def __init__(self, settings: OidcSettings) -> None:
        self._settings = settings
        self._keys: dict[str, Any] = {}
        self._asked = 0.0
        self._lock = threading.Lock()

    def check(self, token: str) -> tuple[str, frozenset[str], frozenset[str] | None, int]:
        """(subject, scopes, households, its end in ms) of a valid token; Rejected."""
        import jwt

        if len(token) > TOKEN_MAX:
            raise Rejected("this token is too long")
        settings = self._settings
        try:
            header = jwt.get_unverified_header(token)
            if header.get("alg") not in ALGORITHMS:
                raise Rejected("this token's signature algorithm is not accepted")
            claims = jwt.decode(
                token,
                self._key(str(header.get("kid", ""))),
                algorithms=list(ALGORITHMS),
                audience=settings.audience,
                issuer=settings.issuer,
                options={"require": ["exp", "iss", "aud", "sub"]},
                leeway=LEEWAY_SECONDS,
            )
        except jwt.ExpiredSignatureError:
            raise Rejected("this token has expired") from None
        except jwt.InvalidAudienceError:
            raise Rejected("this token is for another audience") from None
        except (jwt.PyJWTError, TypeError, ValueError):
            # TypeError: signed by an algorithm that is for another kind of key
            raise Rejected("this token is not valid") from None
        scopes = claims.get(settings.scopes, "")
        households = claims.get(settings.households, [])
        if isinstance(scopes, str):
            scopes = scopes.split()
        if isinstance(households, str):
            households = [households]
        if not isinstance(scopes, list) or not isinstance(households, list):
            raise Rejected("this token's scopes or households are not a list")
        own = frozenset(str(h) for h in households)
        households_of = None if "*" in own else own
        until = int((claims["exp"] + LEEWAY_SECONDS) * 1000)
        return str(claims["sub"])[:200], frozenset(map(str, scopes)), households_of, until

    def _key(self, kid: str) -> Any:
        with self._lock:
            if kid not in self._keys and time.monotonic() - self._asked > AGAIN_SECONDS:
                self._fetch()
                self._asked = time.monotonic()
            key = self._keys.get(kid)
        if key is None:
            raise Rejected("this token is signed by a key that its issuer does not have")
        return key

    def _fetch(self) -> None:
        import jwt

        try:
            base = self._settings.issuer.rstrip("/")
            found = _get(f"{base}/.well-known/openid-configuration")
            if found.get("issuer") != self._settings.issuer:
                raise Rejected("the issuer's metadata names another issuer")
            document = _get(str(found["jwks_uri"]))
            keys = jwt.PyJWKSet.from_dict(document).keys
        except (OSError, ValueError, KeyError, jwt.PyJWTError):
            raise Rejected("the token issuer is not available at the moment") from None
        self._keys = {str(key.key_id or ""): key.key for key in keys}


def _get(url: str) -> dict[str, Any]:
    if not url.startswith(("https://", "http://127.0.0.1", "http://localhost")):
        raise ValueError("only over TLS")
    with urllib.request.urlopen(url, timeout=FETCH_SECONDS) as answer:  # noqa: S310
        document = json.loads(answer.read(FETCH_MAX))
    if not isinstance(document, dict):
        raise ValueError("no object")
    return document
