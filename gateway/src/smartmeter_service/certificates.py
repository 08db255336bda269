"""Whether our certificate and its key are usable, and for how long."""

from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.x509.oid import NameOID

_SOON_DAYS = 30


def check_certificate(
    certificate: Path, key: Path, renewed: bool = False, owner: str | None = None
) -> tuple[bool, str]:
    """Whether all is right, and a line for a person.

    renewed: something renews it in time, so few days left are right.
    owner: the common name that it must have.
    """
    try:
        found = x509.load_pem_x509_certificate(certificate.read_bytes())
    except ValueError:
        return False, f"{certificate} contains no certificate (PEM)"
    try:
        private = serialization.load_pem_private_key(key.read_bytes(), None)
    except (ValueError, TypeError):
        return False, f"{key} contains no private key (PEM, without a password)"
    form = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    if private.public_key().public_bytes(*form) != found.public_key().public_bytes(*form):
        return False, f"{key} is not the key of {certificate}"
    left = (found.not_valid_after_utc - datetime.now(UTC)).days
    if left < 0:
        return False, f"{certificate} expired on {found.not_valid_after_utc:%Y-%m-%d}"
    names = [str(n.value) for n in found.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
    if owner and names != [owner]:
        given = ", ".join(names) or "nobody"
        return False, f"{certificate} belongs to {given}; the broker needs one of {owner}"
    if left < _SOON_DAYS and not renewed:
        return False, f"{certificate} is valid for {left} days; renew it"
    return True, f"{certificate} is valid for {left} days"
