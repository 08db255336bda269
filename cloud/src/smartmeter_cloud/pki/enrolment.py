"""Certificates for Concentrators: the first by a one-time token, later ones by its key.

A token is smt_SECRET, or smt_SECRET.PIN with the fingerprint of the page's certificate. With it, a
Concentrator can verify the Cloud before it has the certificate of the CA.
"""

import base64
import hashlib
import secrets
import time
import urllib.parse

from cryptography import x509

from smartmeter_cloud.config.settings import EnrolmentSettings
from smartmeter_cloud.pki import authority
from smartmeter_cloud.pki.authority import Authority
from smartmeter_cloud.store.households import DEFAULT
from smartmeter_cloud.store.interface import Store
from smartmeter_cloud.store.rows import Certificate, Invitation

PREFIX = "smt_"
HOURS_MAX = 24 * 30
_INVALID = (
    "this name and key have no valid certificate: it has expired or was revoked; "
    "enroll with a new token"
)


class UnknownToken(Exception):
    """It is wrong, has expired or was used; one sentence."""


class NotAllowed(Exception):
    """Why no certificate or token is issued; one sentence."""


class Enrolment:
    def __init__(self, store: Store, settings: EnrolmentSettings) -> None:
        self._store = store
        self._settings = settings
        self._authority = Authority(settings.folder, settings.days)

    def invite(self, concentrator: str, hours: float, household: str | None) -> tuple[str, int]:
        """household: named by the invitation, None keeps the present one.

        (a token for one Concentrator, its expiry in ms); NotAllowed, AuthorityError."""
        self._ours()
        if concentrator in self._settings.reserved:
            raise NotAllowed(
                f'"{concentrator}" is a name of the Cloud itself at the broker; '
                "choose another name for the Concentrator"
            )
        if household is None:
            self._check_household(concentrator)
        self._authority.chain()  # it is better to report now what cannot be issued
        text = PREFIX + secrets.token_urlsafe(24)
        now = _now()
        until = now + int(hours * 3_600_000)
        self._store.invite(Invitation(_digest(text), concentrator, until), now)
        return text + self._pin(), until

    def line(self, url: str, concentrator: str, token: str) -> str:
        """What `smartmeter-gateway enroll` asks for. url: of the page, as it is reached."""
        scheme, _, rest = url.partition("://")
        kind = "smartmeter-invite" if scheme == "https" else "smartmeter-invite+http"
        query = urllib.parse.urlencode({"broker": self._settings.broker, "token": token})
        return f"{kind}://{rest.rstrip('/')}/{concentrator}?{query}"

    def _check_household(self, concentrator: str) -> None:
        """A Concentrator that nobody has placed would be the default household's by mistake."""
        present = self._store.concentrators().get(concentrator, DEFAULT)
        if present == DEFAULT and set(self._store.households()) - {DEFAULT}:
            raise NotAllowed(
                "there is more than one household: the invitation must name the Concentrator's"
            )

    def enrol(self, token: str, data: bytes) -> list[x509.Certificate]:
        """The certificate for a token and a request (DER), and its chain.

        The same key may ask again with the same token, should the answer have been lost.
        UnknownToken, NotAllowed, BadRequest, AuthorityError.
        """
        self._ours()
        digest = _digest(token.partition(".")[0])
        invitation = self._store.invitation(digest, _now())
        if invitation is None:
            raise UnknownToken("this token is unknown or has expired")
        request = authority.request(data)
        name, key = authority.name_in(request), authority.key_digest(request.public_key())
        if name not in ("", invitation.concentrator):
            raise NotAllowed(
                f'this token is for the Concentrator "{invitation.concentrator}" and no other'
            )
        name = invitation.concentrator
        if any(c.revoked and c.key_digest == key for c in self._store.certificates(name)):
            raise NotAllowed("a certificate of this key was revoked: enroll with a new key")
        if invitation.enrolled is None:
            made = self._authority.issue(name, request.public_key())
            if self._store.enrol(digest, made):
                self._store.note(_now(), f"Concentrator {name}", "enrolled")
                return self._answer(made)
            invitation = self._store.invitation(digest, _now())
        present = self._present(name, key)
        if invitation is None or invitation.enrolled != key or not present:
            raise UnknownToken("this token was already used")
        return self._answer(present)

    def renew(self, data: bytes) -> list[x509.Certificate]:
        """A certificate for a key that has one; the same again in the first half of its life.

        The request is signed by the key, because a certificate alone proves nothing.
        NotAllowed, BadRequest, AuthorityError.
        """
        self._ours()
        request = authority.request(data)
        name, key = authority.name_in(request), authority.key_digest(request.public_key())
        present = self._present(name, key)
        if present is None:
            raise NotAllowed(_INVALID)
        if present.expires - _now() < (present.expires - present.issued) / 2:
            present = self._authority.issue(name, request.public_key())
            if not self._store.renew(present, _now()):
                raise NotAllowed(_INVALID)  # it was revoked meanwhile
            self._store.note(_now(), f"Concentrator {name}", "renewed its certificate")
        return self._answer(present)

    def revoke(self, concentrator: str) -> int:
        """Revokes a Concentrator's certificates and tokens; returns the number of certificates.

        crl.pem, the broker's list, is created again. AuthorityError.
        """
        gone = self._store.revoke(concentrator, _now())
        if self._revoked():
            # Also if there was nothing to revoke: it may not have been written the last time.
            self._authority.revocations(self._revoked)
        return gone

    def refresh(self) -> None:
        """Sign crl.pem again if it is older than a day. AuthorityError."""
        if not self._settings.elsewhere and self._authority.exists():
            self._authority.revocations(self._revoked)

    def revocations(self) -> bytes:
        """The list of revoked certificates (PEM); NotAllowed, AuthorityError."""
        self._ours()
        return self._authority.revocations(self._revoked)

    def chain(self) -> list[x509.Certificate]:
        """The authority's own certificates; NotAllowed, AuthorityError."""
        self._ours()
        return self._authority.chain()

    def _revoked(self) -> list[Certificate]:
        return self._store.revoked(_now())

    def _ours(self) -> None:
        if self._settings.elsewhere:
            raise NotAllowed(f"certificates are not issued here, but by {self._settings.elsewhere}")

    def _present(self, name: str, key: bytes) -> Certificate | None:
        """The newest valid certificate of a name and a key."""
        now = _now()
        for c in reversed(self._store.certificates(name)):
            if c.key_digest == key and c.revoked is None and c.expires > now:
                return c
        return None

    def _answer(self, certificate: Certificate) -> list[x509.Certificate]:
        return [x509.load_der_x509_certificate(certificate.der), *self._authority.chain()]

    def _pin(self) -> str:
        if self._settings.page is None:
            return ""
        try:
            pin = authority.fingerprint(self._settings.page)
        except (OSError, ValueError):
            raise NotAllowed(f"{self._settings.page} contains no certificate (PEM)") from None
        return "." + base64.urlsafe_b64encode(pin).decode().rstrip("=")


def _digest(token: str) -> bytes:
    """A token has 192 random bits, so one round of SHA-256 is enough."""
    return hashlib.sha256(token.encode()).digest()


def _now() -> int:
    return int(time.time() * 1000)
