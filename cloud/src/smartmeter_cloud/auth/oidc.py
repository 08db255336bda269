"""Bearer tokens of any OpenID Connect issuer."""

from typing import Any

from smartmeter_service.unexpected_errors import UnexpectedErrors

from smartmeter_cloud.auth.issuer_keys import IssuerKeys
from smartmeter_cloud.config.settings import OidcSettings

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "ES256", "ES384", "EdDSA")
TOKEN_MAX = 8192
LEEWAY_SECONDS = 30  # for clocks that differ


class Rejected(Exception):
    """Why a token is refused; one sentence."""


class Issuer:
    def __init__(self, settings: OidcSettings, faults: UnexpectedErrors) -> None:
        self._settings = settings
        self._keys = IssuerKeys(settings.issuer, faults)

    def check(self, token: str) -> tuple[str, frozenset[str], frozenset[str] | None, int]:
        """(subject, scopes, households, its end in ms) of a valid token.

        Raises Rejected, or NotFetched if the issuer has not answered yet.
        """
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
        key = self._keys.key(kid)
        if key is None:
            raise Rejected("this token is signed by a key that its issuer does not have")
        return key
