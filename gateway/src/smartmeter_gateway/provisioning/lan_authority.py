"""A CA for the LAN: it signs the embedded broker's certificate, and adapters trust nothing else.

Four files beside the settings: lan-ca.crt and lan-ca.key, lan.crt and lan.key. The broker's
certificate names this machine and its addresses. It is made again when an address is missing in
it or its end is near; adapters keep trusting it, because the CA stays the same.
"""

import datetime
import hashlib
import ipaddress
import socket
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from smartmeter_service.atomic_file import write_file
from smartmeter_service.own_addresses import own_addresses

# An adapter holds the CA's certificate until somebody provisions it again.
_CA_DAYS = 7300
_DAYS = 730
_LEFT = datetime.timedelta(days=60)  # before the end of the broker's certificate
_PEM = serialization.Encoding.PEM


@dataclass(frozen=True)
class LanAuthority:
    """The files of one Concentrator."""

    folder: Path

    @property
    def ca(self) -> Path:
        return self.folder / "lan-ca.crt"

    @property
    def certificate(self) -> Path:
        return self.folder / "lan.crt"

    @property
    def key(self) -> Path:
        return self.folder / "lan.key"

    @property
    def _ca_key(self) -> Path:
        return self.folder / "lan-ca.key"

    @property
    def exists(self) -> bool:
        return self.ca.exists() and self._ca_key.exists()

    def fingerprint(self) -> bytes:
        """The SHA-256 of the CA's certificate."""
        found = x509.load_pem_x509_certificate(self.ca.read_bytes())
        return hashlib.sha256(found.public_bytes(serialization.Encoding.DER)).digest()

    def prepare(self) -> bool:
        """Make what is missing or too old. Whether the broker's certificate is a new one.

        Raises OSError, or ValueError if a file is not what it should be.
        """
        names = _names()
        if not self.exists:
            self._make_ca()
        elif self._fits(names):
            return False
        self._sign(names)
        return True

    def _make_ca(self) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "smartmeter-gateway LAN CA")])
        made = (
            _certificate(name, name, key.public_key(), _CA_DAYS)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(signs=True), critical=True)
            .add_extension(
                x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False
            )
            .sign(key, hashes.SHA256())
        )
        _write_key(self._ca_key, key)
        write_file(self.ca, made.public_bytes(_PEM), 0o644)

    def _sign(self, names: list[x509.GeneralName]) -> None:
        authority = x509.load_pem_x509_certificate(self.ca.read_bytes())
        signer = serialization.load_pem_private_key(self._ca_key.read_bytes(), None)
        if not isinstance(signer, ec.EllipticCurvePrivateKey):
            raise ValueError(f"{self._ca_key} is not an elliptic-curve key")
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "smartmeter-gateway")])
        made = (
            _certificate(subject, authority.subject, key.public_key(), _DAYS)
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(signs=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()),
                critical=False,
            )
            .sign(signer, hashes.SHA256())
        )
        _write_key(self.key, key)
        write_file(self.certificate, made.public_bytes(_PEM), 0o644)

    def _fits(self, names: list[x509.GeneralName]) -> bool:
        """Whether the broker's certificate is ours, lasts, and has all of these names."""
        try:
            found = x509.load_pem_x509_certificate(self.certificate.read_bytes())
            found.verify_directly_issued_by(x509.load_pem_x509_certificate(self.ca.read_bytes()))
            has = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        except (OSError, ValueError, TypeError, InvalidSignature, x509.ExtensionNotFound):
            return False
        lasts = found.not_valid_after_utc > datetime.datetime.now(datetime.UTC) + _LEFT
        return lasts and set(names) <= set(has) and self.key.exists()


def _names() -> list[x509.GeneralName]:
    machine = socket.gethostname()
    names: list[x509.GeneralName] = [
        x509.DNSName(name)
        for name in ("localhost", machine, f"{machine}.local")
        if name.isascii() and 0 < len(name) < 254
    ]
    addresses = ["127.0.0.1", "::1", *own_addresses()]
    return names + [x509.IPAddress(ipaddress.ip_address(a)) for a in addresses]


def _certificate(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, days: int
) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))  # clocks differ
        .not_valid_after(now + datetime.timedelta(days=days))
    )


def _usage(signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs,
        key_cert_sign=signs,
        crl_sign=signs,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _write_key(path: Path, key: ec.EllipticCurvePrivateKey) -> None:
    data = key.private_bytes(_PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    write_file(path, data, 0o600)
