"""The plugin that restricts clients with a certificate to their own topics.

The certificate's common name is a concentratorId. Such a client writes below concentrator/ID/ and
reads cloud/ID/receipts, and nothing else. Clients with a password are not restricted here.
"""

from dataclasses import dataclass
from pathlib import Path

from amqtt.contexts import Action  # type: ignore[import-untyped]
from amqtt.plugins.base import BaseTopicPlugin  # type: ignore[import-untyped]
from amqtt.session import Session  # type: ignore[import-untyped]
from cryptography import x509
from cryptography.x509.oid import NameOID
from smartmeter.wire import topics
from smartmeter_mqtt import client_ids


def name_of(session: Session) -> str | None:
    """The concentratorId in the certificate of a session, None without one."""
    certificate = _certificate(session)
    if certificate is None:
        return None
    names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    name = str(names[0].value) if names else ""
    return name if topics.is_id(name) else None


def is_revoked(session: Session, crl: Path) -> bool:
    """Whether a list names the session's certificate; an unreadable list names all."""
    certificate = _certificate(session)
    if certificate is None or not crl.exists():
        return False
    try:
        revoked = x509.load_pem_x509_crl(crl.read_bytes())
    except (OSError, ValueError):
        return True
    return revoked.get_revoked_certificate_by_serial_number(certificate.serial_number) is not None


def is_own(name: str, client_id: str | None) -> bool:
    """Whether a Concentrator may have this client id; another's would disconnect that one."""
    return client_id in (client_ids.of_concentrator(name), client_ids.of_check(name))


def may_write(name: str, topic: str) -> bool:
    own = topics.concentrator_status(name).removesuffix(topics.STATUS)
    return topic.startswith(own)


class Certified(BaseTopicPlugin):  # type: ignore[misc]
    @dataclass
    class Config:
        """No settings: everything follows from the certificate."""

    async def topic_filtering(
        self,
        *,
        session: Session | None = None,
        topic: str | None = None,
        action: Action | None = None,
    ) -> bool:
        name = name_of(session) if session else None
        if name is None:
            return True
        if action == Action.PUBLISH:
            return may_write(name, topic or "")
        return topic == topics.receipts(name)


def _certificate(session: Session) -> x509.Certificate | None:
    der = session.ssl_object.getpeercert(binary_form=True) if session.ssl_object else None
    return x509.load_der_x509_certificate(der) if der else None
