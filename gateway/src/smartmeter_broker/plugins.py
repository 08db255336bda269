"""The plugins that amqtt asks: each session is accepted, and rights.py decides about topics."""

from dataclasses import dataclass

from amqtt.contexts import Action  # type: ignore[import-untyped]
from amqtt.plugins.base import BaseAuthPlugin, BaseTopicPlugin  # type: ignore[import-untyped]
from amqtt.session import Session  # type: ignore[import-untyped]

from .rights import PROCESS, Login, Rights

_FILTERS = 100  # subscriptions of one user
_WAITING = 1_000  # messages without PUBACK, or that wait until a client connects again


def session_user(login: Login) -> str:
    """The user name that a session has in amqtt."""
    return f"{login.role}/{login.name}"


class Admitted(BaseAuthPlugin):  # type: ignore[misc]
    """Accepts every session: amqtt only gets connections that admission.py has accepted."""

    @dataclass
    class Config:
        """No settings."""

    async def authenticate(self, *, session: Session) -> bool:
        return True


class TopicRights(BaseTopicPlugin):  # type: ignore[misc]
    @dataclass
    class Config:
        rights: Rights

    async def topic_filtering(
        self,
        *,
        session: Session | None = None,
        topic: str | None = None,
        action: Action | None = None,
    ) -> bool:
        if session is None or session.username is None or topic is None:
            return False
        role, _, name = session.username.partition("/")
        login = Login(role, name)
        rights: Rights = self.config.rights
        if action == Action.PUBLISH:
            return rights.may_write(login, topic)
        if action == Action.SUBSCRIBE:
            return rights.may_subscribe(login, topic) and self._has_room(session)
        if role == PROCESS:
            return True
        waiting = max(len(session.inflight_out), session.retained_messages.qsize())
        return waiting < _WAITING and rights.may_receive(login, topic)

    def _has_room(self, session: Session) -> bool:
        if session.username.startswith(PROCESS):
            return True
        mine = sum(
            any(other.username == session.username for other, _ in subscribers)
            for subscribers in self.context.subscriptions.values()
        )
        return mine < _FILTERS
