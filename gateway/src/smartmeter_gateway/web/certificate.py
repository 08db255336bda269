"""The local page's own certificate: self-signed, made at the first start, and kept on disk."""

import hashlib
import ipaddress
import socket
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from smartmeter_service.atomic_file import write_file

NAME = "page.crt"
_KEY = "page.key"
_DAYS = 3650  # people compare the fingerprint once, so it should not change
_LEFT = timedelta(days=30)


def server_context(folder: Path, host: str) -> ssl.SSLContext:
    """TLS 1.2 or newer with the certificate in folder, which is made if there is none.

    host: an address it listens on. Raises OSError if the files cannot be used.
    """
    certificate, key = folder / NAME, folder / _KEY
    if not (key.exists() and _is_valid(certificate)):
        _make(certificate, key, host)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(certificate, key)
    return context


def client_context(folder: Path) -> ssl.SSLContext:
    """Trusts only that certificate, whatever name the page is called by. Raises OSError."""
    context = ssl.create_default_context(cafile=folder / NAME)
    context.check_hostname = False
    return context


def fingerprint(folder: Path) -> str:
    """The SHA-256 of the certificate, as browsers show it."""
    data = x509.load_pem_x509_certificate((folder / NAME).read_bytes()).public_bytes(
        serialization.Encoding.DER
    )
    return hashlib.sha256(data).digest().hex(":").upper()


def _is_valid(certificate: Path) -> bool:
    try:
        found = x509.load_pem_x509_certificate(certificate.read_bytes())
    except (FileNotFoundError, ValueError):
        return False
    return found.not_valid_after_utc > datetime.now(UTC) + _LEFT


def _make(certificate: Path, key: Path, host: str) -> None:
    private = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "smartmeter-gateway")])
    machine = socket.gethostname()
    names: list[x509.GeneralName] = [
        x509.DNSName(name)
        for name in ("localhost", machine, f"{machine}.local")
        if name.isascii() and len(name) < 254
    ]
    addresses = {ipaddress.ip_address("127.0.0.1"), ipaddress.ip_address("::1")}
    try:
        addresses.add(ipaddress.ip_address(host))
    except ValueError:
        names.append(x509.DNSName(host))
    names += [x509.IPAddress(a) for a in sorted(addresses, key=str) if not a.is_unspecified]
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))  # clocks differ
        .not_valid_after(now + timedelta(days=_DAYS))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(private, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    secret = private.private_bytes(
        pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    write_file(key, secret, 0o600)
    write_file(certificate, made.public_bytes(pem), 0o644)
