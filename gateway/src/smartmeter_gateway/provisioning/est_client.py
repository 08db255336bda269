"""A certificate from the Cloud: a key that never leaves this machine, a CSR, a one-time token.

The protocol is EST (RFC 7030). The request is POST {url}/.well-known/est/simpleenroll with the
base64 of a DER PKCS#10 request and "Authorization: Bearer TOKEN". The answer is the base64 of a
certs-only PKCS#7. Renewal is simplereenroll with the same key. The request is signed by it, which
proves that it is still ours, and the previous certificate is the TLS client's.

A token may end in a dot and the fingerprint of the Cloud's certificate (SHA-256, base64url). It
then verifies the Cloud, and the CA's certificate comes with the answer.
"""

import base64
import binascii
import datetime
import hashlib
import hmac
import http.client
import json
import ssl
import threading
import urllib.parse
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import pkcs7
from cryptography.x509.oid import NameOID
from smartmeter_service.atomic_file import write_file
from smartmeter_service.loopback import is_loopback
from smartmeter_service.threads import RestartedThread
from smartmeter_service.toml_file import SettingsError

from ..monitoring.registry import Registry, log

_PATH = "/.well-known/est/"
_TIMEOUT_S = 20
_ANSWER_MAX = 1 << 20
_DETAIL_MAX = 200
_LOOK_S = 6 * 3600.0  # how often the certificate's age is checked
_AGAIN_S = 600.0  # after a renewal that failed
_RENEW_AT = 1 / 3  # of its life left: it is then renewed


@dataclass(frozen=True)
class Identity:
    """The files of a Concentrator's key and certificate, and the server that renews it."""

    id: str
    url: str
    certificate: Path
    key: Path
    ca: Path | None


def check_url(url: str) -> str:
    """url without the slash at its end; SettingsError if it cannot be trusted."""
    parts = urllib.parse.urlsplit(url)
    safe = parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.hostname or ""))
    if not safe or not parts.hostname:
        raise SettingsError(f"{url} must be https://HOST[:PORT]; http:// only on the loopback")
    return url.rstrip("/")


def enroll(identity: Identity, token: str, authority: Path) -> tuple[datetime.datetime, bool]:
    """Create the key if there is none, request a certificate, store it.

    Until when it is valid; and whether the Cloud's own authority came along, which is then in
    the file `authority`.
    """
    key = _key(identity.key)
    found = _ask(identity, key, "simpleenroll", token)
    until = _store(identity, key, found)
    roots = [c for c in found if c.issuer == c.subject]
    if roots:
        _write(authority, _pem(roots), 0o644)
    return until, bool(roots)


def renew(identity: Identity) -> datetime.datetime:
    """Get a new certificate for the same key; return until when it is valid."""
    key = _key(identity.key)
    return _store(identity, key, _ask(identity, key, "simplereenroll", None))


def share_left(certificate: x509.Certificate, now: datetime.datetime) -> float:
    """The part of a certificate's life that is left: 1 at its start, 0 or less after its end."""
    life = certificate.not_valid_after_utc - certificate.not_valid_before_utc
    return (certificate.not_valid_after_utc - now) / life


def _key(path: Path) -> ec.EllipticCurvePrivateKey:
    try:
        found = serialization.load_pem_private_key(path.read_bytes(), None)
    except FileNotFoundError:
        made = ec.generate_private_key(ec.SECP256R1())
        pem = made.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        _write(path, pem, 0o600)
        return made
    except (ValueError, TypeError, OSError):
        raise SettingsError(f"{path} contains no readable private key (PEM)") from None
    if not isinstance(found, ec.EllipticCurvePrivateKey):
        raise SettingsError(
            f"{path} contains a key that is not elliptic-curve; choose another file"
        )
    return found


def _ask(
    identity: Identity, key: ec.EllipticCurvePrivateKey, what: str, token: str | None
) -> list[x509.Certificate]:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, identity.id)])
    csr = x509.CertificateSigningRequestBuilder().subject_name(name).sign(key, hashes.SHA256())
    headers = {"Content-Type": "application/pkcs10", "Content-Transfer-Encoding": "base64"}
    secret, _, pin = (token or "").partition(".")
    if secret:
        headers["Authorization"] = f"Bearer {secret}"
    url = check_url(identity.url)
    parts = urllib.parse.urlsplit(url)
    body = base64.encodebytes(csr.public_bytes(serialization.Encoding.DER))
    try:
        connection = _connect(identity, parts, pin, shows_certificate=token is None)
        try:
            connection.request("POST", parts.path + _PATH + what, body, headers)
            answer = connection.getresponse()
            said = answer.read(_ANSWER_MAX)
        finally:
            connection.close()
        if answer.status == 200:
            return pkcs7.load_der_pkcs7_certificates(base64.b64decode(said))
    except ssl.SSLCertVerificationError as why:
        raise SettingsError(
            f"{url} cannot be trusted: {why.verify_message}; give --ca the certificate of its "
            "CA, or use a token that contains the Cloud's fingerprint"
        ) from None
    except (http.client.HTTPException, ValueError, binascii.Error):
        raise SettingsError(f"{url} does not answer with a certificate") from None
    except OSError as why:
        reason = (why.strerror or str(why)).lower()
        raise SettingsError(f"{url} cannot be reached: {reason}") from None
    texts = {401: "does not accept the token", 403: "does not allow it", 404: "does not enroll"}
    text = texts.get(answer.status, f"answers {answer.status} {answer.reason}")
    detail = _detail(said)
    raise SettingsError(f"{url} {text}{f': {detail}' if detail else ''}")


def _connect(
    identity: Identity, parts: urllib.parse.SplitResult, pin: str, shows_certificate: bool
) -> http.client.HTTPConnection:
    """A connection to a trusted server: by the pin, by the CA's file, or by the system's CAs."""
    host, port = str(parts.hostname), parts.port
    if parts.scheme == "http":
        return http.client.HTTPConnection(host, port, timeout=_TIMEOUT_S)
    context = ssl.create_default_context()
    if identity.ca:
        # The page may have a certificate of a public CA, and the broker one of the Cloud's own.
        context.load_verify_locations(identity.ca)
    if pin:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if shows_certificate:
        context.load_cert_chain(identity.certificate, identity.key)
    connection = http.client.HTTPSConnection(host, port, timeout=_TIMEOUT_S, context=context)
    connection.connect()
    if pin:
        shown = connection.sock.getpeercert(True)
        digest = base64.urlsafe_b64encode(hashlib.sha256(shown or b"").digest()).decode()
        if not hmac.compare_digest(digest.rstrip("=").encode(), pin.rstrip("=").encode()):
            connection.close()
            raise SettingsError(
                f"{parts.geturl()} shows another certificate than the token names; nothing was sent"
            )
    return connection


def _detail(body: bytes) -> str:
    """The sentence in an answer's problem details (RFC 9457), "" if there is none."""
    try:
        detail = json.loads(body)["detail"]
    except (ValueError, TypeError, KeyError):
        return ""
    text = detail if isinstance(detail, str) else ""
    return "".join(c for c in text[:_DETAIL_MAX] if c.isprintable())


def _store(
    identity: Identity, key: ec.EllipticCurvePrivateKey, found: list[x509.Certificate]
) -> datetime.datetime:
    own = [c for c in found if c.public_key() == key.public_key()]
    if not own:
        raise SettingsError(f"{identity.url} answers with a certificate that is not for our key")
    names = own[0].subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    if [n.value for n in names] != [identity.id]:
        raise SettingsError(f"{identity.url} answers with a certificate for another name")
    between = [c for c in found if c not in own and c.issuer != c.subject]
    _write(identity.certificate, _pem(own[:1] + between), 0o644)
    return own[0].not_valid_after_utc


def _pem(certificates: Iterable[x509.Certificate]) -> bytes:
    return b"".join(c.public_bytes(serialization.Encoding.PEM) for c in certificates)


def _write(path: Path, data: bytes, mode: int) -> None:
    try:
        write_file(path, data, mode)
    except OSError as why:
        raise SettingsError(f"{path} cannot be written: {(why.strerror or '').lower()}") from None


class Renewal:
    """Watches a certificate while the Concentrator runs. The link reconnects with a new one."""

    def __init__(self, identity: Identity, registry: Registry) -> None:
        self._identity = identity
        self._registry = registry
        self._stopping = threading.Event()
        self._thread = RestartedThread("renewal", self._run, registry.own_fault)

    def start(self) -> None:
        self._thread.start()

    def stop(self, timeout: float) -> None:
        self._stopping.set()

    def _run(self) -> None:
        while not self._stopping.wait(self._look()):
            pass

    def _look(self) -> float:
        """Renew if it is time; return the seconds until the next check."""
        left = 1.0
        try:
            certificate = x509.load_pem_x509_certificate(self._identity.certificate.read_bytes())
            left = share_left(certificate, datetime.datetime.now(datetime.UTC))
            if left > _RENEW_AT:
                return _LOOK_S
            until = renew(self._identity)
        except (SettingsError, OSError, ValueError) as why:
            text = f"the certificate could not be renewed: {why}"
            if left < 0:
                text += "; it has expired: enroll again, with a new token"
            self._registry.alarm("renewal", text)
            return _AGAIN_S
        self._registry.alarm("renewal", None)
        log.info("the certificate was renewed; it is valid until %s", f"{until:%Y-%m-%d}")
        return _LOOK_S
