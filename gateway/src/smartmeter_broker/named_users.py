"""The plugin that accepts clients with a name and its password, or with a certificate."""

import hmac
from dataclasses import dataclass, field
from pathlib import Path

from amqtt.plugins.base import BaseAuthPlugin  # type: ignore[import-untyped]
from amqtt.session import Session  # type: ignore[import-untyped]

from .certified import is_own, is_revoked, may_write, name_of


class NamedUsers(BaseAuthPlugin):  # type: ignore[misc]
    """Sessions of named users only; amqtt keeps a queue for these, but not for anonymous users."""

    @dataclass
    class Config:
        """users: name -> password; crl: if certificates are accepted, the list of revoked ones."""

        users: dict[str, str] = field(default_factory=dict)
        crl: str | None = None

    async def authenticate(self, *, session: Session) -> bool:
        if self.config.crl and (name := name_of(session)) is not None:
            # amqtt does not ask its plugins before it sends a last will.
            will_fits = session.will_topic is None or may_write(name, session.will_topic)
            session.username = name
            if not is_own(name, session.client_id):
                return False
            return will_fits and not is_revoked(session, Path(self.config.crl))
        given = (session.password or "").encode()
        known = self.config.users.get(session.username or "")
        # Compared in either case, so that the time does not reveal which names exist.
        right = hmac.compare_digest(given, (known or "").encode())
        return right and known is not None
