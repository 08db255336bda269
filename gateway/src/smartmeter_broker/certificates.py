"""The name in a client's certificate, and whether it is revoked."""

from pathlib import Path

from cryptography import x509
from cryptography.x509.oid import NameOID
from smartmeter.wire import topics


def name_of(certificate: x509.Certificate) -> str | None:
    """The concentratorId of a certificate: its common name, None if that cannot be an id."""
    names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    name = str(names[0].value) if names else ""
    return name if topics.is_id(name) else None


def is_revoked(serial: int, crl: Path) -> bool:
    """Whether a list names a certificate's serial number; an unreadable list names all."""
    if not crl.exists():
        return False
    try:
        revoked = x509.load_pem_x509_crl(crl.read_bytes())
    except (OSError, ValueError):
        return True
    return revoked.get_revoked_certificate_by_serial_number(serial) is not None
