"""The keys of an OpenID Connect issuer, fetched beside the requests.

No request waits for the issuer: it may be slow, and anyone can name a key that it does not have.
"""

import json
import logging
import threading
import time
import urllib.request
from typing import Any

from smartmeter_service.threads import RestartedThread
from smartmeter_service.unexpected_errors import UnexpectedErrors

FETCH_SECONDS = 5
FETCH_MAX = 256 * 1024
# An unknown key id makes us ask the issuer again, but not more often than this.
AGAIN_SECONDS = 30.0
AFTER_FAILURE_SECONDS = 5.0
REFRESH_SECONDS = 3600.0  # so that a key that the issuer has withdrawn is no longer accepted

_log = logging.getLogger("smartmeter_cloud.auth")


class NotFetched(Exception):
    """The issuer has not answered yet; one sentence."""


class IssuerKeys:
    """key() from any thread."""

    def __init__(self, issuer: str, faults: UnexpectedErrors) -> None:
        self._issuer = issuer
        self._keys: dict[str, Any] | None = None  # None: the issuer has never answered
        self._fetched = 0.0  # monotonic; when the issuer last answered
        self._wanted = threading.Event()
        self._reason = ""
        RestartedThread("issuer", self._run, faults.note).start()

    def key(self, kid: str) -> Any:
        """The public key of that id, None if the issuer does not have it. Raises NotFetched."""
        keys = self._keys
        if keys is not None and kid in keys:
            return keys[kid]
        if keys is not None and time.monotonic() - self._fetched < AGAIN_SECONDS:
            return None
        self._wanted.set()
        if keys is not None and self._reason:
            return None  # it does not answer now: what was known before counts
        raise NotFetched("the token issuer has not answered yet; try again in a moment")

    def _run(self) -> None:
        while True:
            fetched = self._fetch()
            self._wanted.clear()
            time.sleep(AGAIN_SECONDS if fetched else AFTER_FAILURE_SECONDS)
            self._wanted.wait(REFRESH_SECONDS)

    def _fetch(self) -> bool:
        import jwt

        try:
            base = self._issuer.rstrip("/")
            found = _get(f"{base}/.well-known/openid-configuration")
            if found.get("issuer") != self._issuer:
                raise ValueError("its metadata names another issuer")
            document = _get(str(found["jwks_uri"]))
            keys = jwt.PyJWKSet.from_dict(document).keys
        except (OSError, ValueError, KeyError, jwt.PyJWTError) as e:
            reason = str(e) or type(e).__name__
            if reason != self._reason:
                _log.warning("the keys of the token issuer cannot be fetched: %s", reason)
                self._reason = reason
            return False
        self._keys = {str(key.key_id or ""): key.key for key in keys}
        self._fetched = time.monotonic()
        self._reason = ""
        return True


def _get(url: str) -> dict[str, Any]:
    if not url.startswith(("https://", "http://127.0.0.1", "http://localhost")):
        raise ValueError("its keys are not offered over TLS")
    with urllib.request.urlopen(url, timeout=FETCH_SECONDS) as answer:  # noqa: S310
        document = json.loads(answer.read(FETCH_MAX))
    if not isinstance(document, dict):
        raise ValueError("its answer is no JSON object")
    return document
