"""The Cloud's own CA: a key, the certificates that it signs, and the revocation list.

A folder holds ca.crt and ca.key, made at the first use. An authority from elsewhere may put an
intermediate there instead: its certificate first in ca.crt, what signed it behind.
"""

import contextlib
import datetime
import fcntl
import hashlib
import ipaddress
import secrets
import stat
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from smartmeter_service.atomic_file import write_file

from smartmeter_cloud.store.rows import Certificate

_CA_DAYS = 3650  # a home's CA outlives its devices
_EARLIER = datetime.timedelta(minutes=5)  # for clocks that are behind
_LIST_LIFE = datetime.timedelta(days=90)  # a broker refuses everybody by an expired list
_LIST_AGE = datetime.timedelta(days=1)  # then it is signed again
RESERVED = frozenset({"ca", "crl", "lock"})  # the authority's own files in its folder
CURVES = (ec.SECP256R1, ec.SECP384R1)
RSA_BITS = (2048, 4096)  # NIST SP 800-57: not below; above it only costs time
RSA_EXPONENT_MIN = 65537  # FIPS 186-5, A.1.1: more than 2**16
CSR_MAX = 8192  # bytes of DER; one of RSA with 4096 bits has 1200


class AuthorityError(Exception):
    """Why the CA cannot be used; one sentence."""


class BadRequest(Exception):
    """Why a certificate signing request is refused; one sentence."""


class Authority:
    def __init__(self, folder: Path, days: int) -> None:
        """days: validity of a Concentrator's certificate. Nothing is read or created yet."""
        self.folder = folder
        self._days = days

    def exists(self) -> bool:
        """Whether it was used before; nothing is created."""
        return (self.folder / "ca.crt").exists()

    def chain(self) -> list[x509.Certificate]:
        """The certificate that signs ours, and those above it; AuthorityError."""
        return self._load()[1]

    def issue(self, name: str, key: CertificatePublicKeyTypes) -> Certificate:
        """A Concentrator's certificate, only for login by TLS; AuthorityError."""
        return record(name, self._sign(name, key, (), self._days))

    def issue_files(self, name: str, hosts: tuple[str, ...], days: int) -> tuple[Path, Path]:
        """Create NAME.crt and NAME.key next to ca.crt, for a part of the Cloud itself.

        A server's if host names or addresses are given, else a client's. An existing NAME.key
        stays as it is, and gets a new certificate. AuthorityError.
        """
        if name in RESERVED:
            raise AuthorityError(
                f'"{name}" is a name of the authority\'s own files in {self.folder}; choose another'
            )
        paths = self.folder / f"{name}.crt", self.folder / f"{name}.key"
        self.chain()  # creates the folder
        public = self._own_key(paths[1])
        certificate = self._sign(name, public, hosts, days)
        with self._errors():
            # A peer has the root already, or will not trust it.
            between = [c for c in self.chain() if c.issuer != c.subject]
            write_file(paths[0], pem([certificate, *between]), 0o644)
        return paths

    def revocations(self, revoked: Callable[[], Iterable[Certificate]]) -> bytes:
        """The revocation list (PEM) for a broker, which is crl.pem in the folder; AuthorityError.

        It is signed again after a day, or if it does not list what is revoked. Processes take
        turns, so an earlier state of the store never replaces a later one.
        """
        self._load()
        path = self.folder / "crl.pem"
        with self._errors(), self._lock():
            certificates = [c for c in revoked() if c.revoked is not None]
            data = path.read_bytes() if path.exists() else b""
            if not self._is_current(data, {int(c.serial, 16) for c in certificates}):
                data = self._sign_list(certificates)
                write_file(path, data, 0o644)
        return data

    def _is_current(self, data: bytes, serials: set[int]) -> bool:
        _, (ca, *_) = self._load()
        try:
            found = x509.load_pem_x509_crl(data)
        except ValueError:
            return False
        age = _now() - found.last_update_utc
        return (
            found.issuer == ca.subject
            and _EARLIER <= age + _EARLIER < _LIST_AGE
            and {one.serial_number for one in found} == serials
        )

    def _sign_list(self, revoked: Iterable[Certificate]) -> bytes:
        key, (ca, *_) = self._load()
        now = _now()
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(ca.subject)
            .last_update(now - _EARLIER)
            .next_update(min(now + _LIST_LIFE, ca.not_valid_after_utc))
            .add_extension(x509.CRLNumber(int(now.timestamp() * 1000)), critical=False)
            .add_extension(_issuer_key(ca), critical=False)
        )
        for one in revoked:
            if one.revoked is not None:
                at = datetime.datetime.fromtimestamp(one.revoked / 1000, datetime.UTC)
                builder = builder.add_revoked_certificate(
                    x509.RevokedCertificateBuilder()
                    .serial_number(int(one.serial, 16))
                    .revocation_date(at)
                    .build()
                )
        return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    def _own_key(self, path: Path) -> ec.EllipticCurvePublicKey:
        """The public key of the file at path, which is created if it does not exist."""
        with self._errors(), self._lock():
            if not path.exists():
                write_file(path, _private_pem(ec.generate_private_key(ec.SECP256R1())), 0o600)
            try:
                key = serialization.load_pem_private_key(path.read_bytes(), None)
            except (ValueError, TypeError):
                key = None
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise AuthorityError(
                f"{path} is not an elliptic-curve key (PEM); move it away, or choose another name"
            )
        return key.public_key()

    def _sign(
        self, name: str, public: CertificatePublicKeyTypes, hosts: tuple[str, ...], days: int
    ) -> x509.Certificate:
        key, (ca, *_) = self._load()
        now = _now()
        usage = ExtendedKeyUsageOID.SERVER_AUTH if hosts else ExtendedKeyUsageOID.CLIENT_AUTH
        builder = (
            x509.CertificateBuilder()
            .subject_name(_common_name(name))
            .issuer_name(ca.subject)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - _EARLIER)
            .not_valid_after(min(now + datetime.timedelta(days=days), ca.not_valid_after_utc))
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(digital_signature=True), critical=True)
            .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
            .add_extension(_issuer_key(ca), critical=False)
        )
        if hosts:
            names = x509.SubjectAlternativeName([_host(h) for h in hosts])
            builder = builder.add_extension(names, critical=False)
        return builder.sign(key, hashes.SHA256())

    def _load(
        self,
    ) -> tuple[ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey, list[x509.Certificate]]:
        key_path, certificate_path = self.folder / "ca.key", self.folder / "ca.crt"
        with self._errors():
            if not certificate_path.exists():
                self._make(key_path, certificate_path)
            if stat.S_IMODE(key_path.stat().st_mode) & 0o077:
                raise AuthorityError(
                    f"{key_path} can be read by others; type: chmod 600 {key_path}"
                )
            chain = x509.load_pem_x509_certificates(certificate_path.read_bytes())
            key = serialization.load_pem_private_key(key_path.read_bytes(), None)
        if not isinstance(key, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey):
            raise AuthorityError(f"{key_path} contains neither an elliptic-curve nor an RSA key")
        if chain[0].public_key() != key.public_key():
            raise AuthorityError(f"{certificate_path} is not the certificate of {key_path}")
        if chain[0].not_valid_after_utc < _now():
            raise AuthorityError(f"{certificate_path} has expired")
        return key, chain

    def _make(self, key_path: Path, certificate_path: Path) -> None:
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with self._lock():  # of two processes, one makes it
            if certificate_path.exists():
                return
            key = ec.generate_private_key(ec.SECP256R1())
            name = _common_name("smartmeter-cloud " + secrets.token_hex(4))
            identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
            certificate = (
                x509.CertificateBuilder()
                .subject_name(name)
                .issuer_name(name)
                .public_key(key.public_key())
                .serial_number(x509.random_serial_number())
                .not_valid_before(_now() - _EARLIER)
                .not_valid_after(_now() + datetime.timedelta(days=_CA_DAYS))
                .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
                .add_extension(_usage(key_cert_sign=True, crl_sign=True), critical=True)
                .add_extension(identifier, critical=False)
                .sign(key, hashes.SHA256())
            )
            write_file(key_path, _private_pem(key), 0o600)
            write_file(certificate_path, pem([certificate]), 0o644)
        self.revocations(lambda: ())  # a broker needs one before anything is revoked

    @contextlib.contextmanager
    def _lock(self) -> Iterator[None]:
        """Only one process at a time changes the folder."""
        with open(self.folder / "lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    @contextlib.contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except OSError as e:
            raise AuthorityError(f"{e.filename or self.folder}: {e.strerror}") from None
        except (ValueError, TypeError):
            raise AuthorityError(
                f"{self.folder}: ca.crt and ca.key must be PEM, the key without a password"
            ) from None


def request(data: bytes) -> x509.CertificateSigningRequest:
    """A DER PKCS#10 request whose sender has its key; BadRequest."""
    try:
        found = x509.load_der_x509_csr(data)
        key = found.public_key()
        if isinstance(key, ec.EllipticCurvePublicKey):
            fits = isinstance(key.curve, CURVES)
        else:
            fits = isinstance(key, rsa.RSAPublicKey) and _is_good_rsa(key)
        signed = fits and found.is_signature_valid
    except Exception:
        # ValueError, UnsupportedAlgorithm and more: whatever is wrong with it, it is theirs.
        raise BadRequest("this is not a certificate signing request (PKCS#10)") from None
    if not fits:
        raise BadRequest(
            "the key must be P-256, P-384 or RSA with 2048 to 4096 bits and exponent 65537"
        )
    if not signed:
        raise BadRequest("the request is not signed by its own key")
    return found


def _is_good_rsa(key: rsa.RSAPublicKey) -> bool:
    bits, exponent = key.key_size, key.public_numbers().e
    return RSA_BITS[0] <= bits <= RSA_BITS[1] and exponent >= RSA_EXPONENT_MIN


def name_in(found: x509.CertificateSigningRequest) -> str:
    """The common name in a request, "" for none; BadRequest for several."""
    try:
        names = [a.value for a in found.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
    except ValueError:
        names = [b""]
    if not names:
        return ""
    if len(names) > 1 or not isinstance(names[0], str):
        raise BadRequest("the request must have one common name, the concentratorId")
    return names[0]


def key_digest(key: CertificatePublicKeyTypes) -> bytes:
    """SHA-256 of a public key (SubjectPublicKeyInfo)."""
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return hashlib.sha256(key.public_bytes(serialization.Encoding.DER, form)).digest()


def record(name: str, certificate: x509.Certificate) -> Certificate:
    return Certificate(
        f"{certificate.serial_number:x}",
        name,
        key_digest(certificate.public_key()),
        int(certificate.not_valid_before_utc.timestamp() * 1000),
        int(certificate.not_valid_after_utc.timestamp() * 1000),
        None,
        certificate.public_bytes(serialization.Encoding.DER),
    )


def pem(certificates: Iterable[x509.Certificate]) -> bytes:
    return b"".join(c.public_bytes(serialization.Encoding.PEM) for c in certificates)


def fingerprint(path: Path) -> bytes:
    """SHA-256 of the first certificate in a file; OSError, ValueError."""
    return x509.load_pem_x509_certificate(path.read_bytes()).fingerprint(hashes.SHA256())


def _usage(
    digital_signature: bool = False, key_cert_sign: bool = False, crl_sign: bool = False
) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=digital_signature,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=key_cert_sign,
        crl_sign=crl_sign,
        encipher_only=False,
        decipher_only=False,
    )


def _issuer_key(ca: x509.Certificate) -> x509.AuthorityKeyIdentifier:
    try:
        own = ca.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
        return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(own)
    except x509.ExtensionNotFound:
        return x509.AuthorityKeyIdentifier.from_issuer_public_key(ca.public_key())  # type: ignore[arg-type]


def _common_name(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _host(text: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        return x509.DNSName(text)


def _private_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)
