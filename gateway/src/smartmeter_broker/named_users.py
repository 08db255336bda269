"""The plugin that lets in those who know a name and its password, and nobody else."""

import hmac
from dataclasses import dataclass, field

from amqtt.plugins.base import BaseAuthPlugin  # type: ignore[import-untyped]
from amqtt.session import Session  # type: ignore[import-untyped]


class NamedUsers(BaseAuthPlugin):  # type: ignore[misc]
    """Sessions of named users only; amqtt keeps a queue for these and drops an anonymous one's."""

    @dataclass
    class Config:
        """users: name -> password."""

        users: dict[str, str] = field(default_factory=dict)

    async def authenticate(self, *, session: Session) -> bool:
        given = (session.password or "").encode()
        known = self.config.users.get(session.username or "")
        # Compared in either case, so that time does not tell which names there are.
        right = hmac.compare_digest(given, (known or "").encode())
        return right and known is not None
