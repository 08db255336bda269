"""Decides by CONNECT packet and certificate whether a client may connect."""

import hmac
import secrets
from collections.abc import Mapping
from pathlib import Path

from amqtt.mqtt.connack import (  # type: ignore[import-untyped]
    IDENTIFIER_REJECTED,
    NOT_AUTHORIZED,
)
from amqtt.mqtt.connect import ConnectPacket  # type: ignore[import-untyped]
from cryptography import x509
from smartmeter_mqtt import client_ids

from .certificates import is_revoked, name_of
from .rights import CONCENTRATOR, PROCESS, Login, Rights


class Refused(Exception):
    """The broker answers with this return code of CONNACK and ends the connection."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code


class Admission:
    """users: name -> password. crl: the list of revoked certificates; with None, certificates do
    not count.

    A client with the name process_user and process_password is this process itself.
    """

    def __init__(
        self, users: Mapping[str, str], rights: Rights, crl: Path | None, process_user: str
    ) -> None:
        self._users = dict(users)
        self._rights = rights
        self._crl = crl
        self._process_user = process_user
        self.process_password = secrets.token_urlsafe(24)

    def add_meter(self, id: str, password: str) -> None:
        """A further user; may be called from any thread."""
        self._rights.add_meter(id)
        self._users = self._users | {id: password}

    def admit(self, connect: ConnectPacket, certificate: bytes | None, from_inside: bool) -> Login:
        """The login of a client. certificate: DER, already verified by TLS. Raises Refused.

        from_inside: it came through the listener of this process.
        """
        login = self._by_certificate(connect, certificate) or self._by_password(
            connect, from_inside
        )
        if login is None:
            raise Refused(NOT_AUTHORIZED, "a client gave a wrong name, password or certificate")
        topic = connect.will_topic
        if connect.will_flag and (_is_no_topic(topic) or not self._rights.may_write(login, topic)):
            raise Refused(
                NOT_AUTHORIZED, f"the last will of {login.name} has a topic that is not its own"
            )
        if not connect.client_id and not connect.clean_session_flag:
            raise Refused(IDENTIFIER_REJECTED, "a client without an id asks for a lasting session")
        return login

    def revoked(self, login: Login) -> bool:
        return bool(self._crl and login.serial is not None and is_revoked(login.serial, self._crl))

    def _by_certificate(self, connect: ConnectPacket, certificate: bytes | None) -> Login | None:
        if self._crl is None or certificate is None:
            return None
        shown = x509.load_der_x509_certificate(certificate)
        name = name_of(shown)
        if name is None:
            return None
        # With another client id it would disconnect the owner of that id.
        own = (client_ids.of_concentrator(name), client_ids.of_check(name))
        login = Login(CONCENTRATOR, name, shown.serial_number)
        if connect.client_id not in own or self.revoked(login):
            raise Refused(NOT_AUTHORIZED, f"{name} has a wrong client id, or is revoked")
        return login

    def _by_password(self, connect: ConnectPacket, from_inside: bool) -> Login | None:
        user, given = connect.username or "", (connect.password or "").encode()
        if from_inside and user == self._process_user:
            right = hmac.compare_digest(given, self.process_password.encode())
            return Login(PROCESS, user) if right else None
        known = self._users.get(user)
        # Compared in either case, so that the time does not reveal which names exist.
        right = hmac.compare_digest(given, (known or "").encode())
        return Login(self._rights.role_of(user), user) if right and known is not None else None


def _is_no_topic(topic: str) -> bool:
    return not topic or topic.startswith("$") or "#" in topic or "+" in topic
