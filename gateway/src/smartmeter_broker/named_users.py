"""The plugin that lets in those who know a name and its password, or have a certificate."""

import hmac
from dataclasses import dataclass, field
from pathlib import Path

from amqtt.plugins.base import BaseAuthPlugin  # type: ignore[import-untyped]
from amqtt.session import Session  # type: ignore[import-untyped]

from .certified import is_own, is_revoked, may_write, name_of


class NamedUsers(BaseAuthPlugin):  # type: ignore[misc]
    """Sessions of named users only; amqtt keeps a queue for these and drops an anonymous one's."""

    @dataclass
    class Config:
        """users: name -> password; crl: where certificates are taken, the list of revoked ones."""

        users: dict[str, str] = field(default_factory=dict)
        crl: str | None = None

    async def authenticate(self, *, session: Session) -> bool:
        if self.config.crl and (name := name_of(session)) is not None:
            # amqtt asks nobody before it sends a last will.
            will_fits = session.will_topic is None or may_write(name, session.will_topic)
            session.username = name
            if not is_own(name, session.client_id):
                return False
            return will_fits and not is_revoked(session, Path(self.config.crl))
        given = (session.password or "").encode()
        known = self.config.users.get(session.username or "")
        # Compared in either case, so that time does not tell which names there are.
        right = hmac.compare_digest(given, (known or "").encode())
        return right and known is not None
