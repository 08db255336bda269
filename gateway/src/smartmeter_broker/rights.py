"""The topics that each login may write, subscribe to and receive.

- A Concentrator with a certificate writes below concentrator/ID/ and reads below cloud/ID/.
- A meter's user has a smartMeterId as its name. It has the topics of that id and of its
  sub-meters ID-1 to ID-8: it writes smartMeterMessage/ID/ and reads smartMeterCommand/ID/.
- Any other user is general: adapters that share a password, or Home Assistant. It neither writes
  nor reads the topics of an id that is another user's name, and cannot publish as this process.
- This process itself may do everything.
"""

import re
from collections.abc import Collection
from typing import NamedTuple

from smartmeter.wire import topics

PROCESS, CONCENTRATOR, METER, GENERAL = "process", "concentrator", "meter", "general"

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_SUB_METER = re.compile(r"-[1-8]$")
_MESSAGES = topics.ALL_METERS.removesuffix("#")
_ROOTS = (_MESSAGES, topics.command("x", "x").removesuffix("x/x"))


class Login(NamedTuple):
    """The owner of a connection. serial: of a Concentrator's certificate."""

    role: str
    name: str
    serial: int | None = None


class Rights:
    """users: names that log in by password. meters: ids in the settings.

    reserved: what begins so is published by this process alone; "" reserves nothing.
    """

    def __init__(
        self, users: Collection[str], meters: Collection[str] = (), reserved: str = ""
    ) -> None:
        self._users = frozenset(users)
        self._reserved = reserved
        self._meters = frozenset(meters)

    def add_meter(self, id: str) -> None:
        """From now on, a user of that name has the topics of that meter alone."""
        self._users |= {id}
        self._meters |= {id}

    def role_of(self, user: str) -> str:
        """METER for a UUID, which is the default id, and for an id in the settings."""
        return METER if _UUID.fullmatch(user) or user in self._meters else GENERAL

    def may_write(self, login: Login, topic: str) -> bool:
        if login.role == PROCESS:
            return True
        if login.role == CONCENTRATOR:
            return topic.startswith(_own_concentrator(login.name))
        if login.role == METER:
            return topic.startswith(_MESSAGES) and _is_below(login.name, topic)
        if self._reserved and topic.startswith(self._reserved):
            return False
        return self._is_free_for(login.name, topic)

    def may_subscribe(self, login: Login, topic_filter: str) -> bool:
        if login.role == CONCENTRATOR:
            return topic_filter.startswith(_own_cloud(login.name))
        if login.role == METER:
            return _is_below(login.name, topic_filter)
        return True  # may_receive decides about each message

    def may_receive(self, login: Login, topic: str) -> bool:
        if login.role == GENERAL:
            return self._is_free_for(login.name, topic)
        return login.role == PROCESS or self.may_subscribe(login, topic)

    def _is_free_for(self, user: str, topic: str) -> bool:
        meter = _id_in(topic)
        if meter is None or _has(user, meter):
            return True
        return not ({meter, _SUB_METER.sub("", meter)} & self._users)


def _is_below(owner: str, topic: str) -> bool:
    return _has(owner, _id_in(topic)) and topic.count("/") > 1


def _has(owner: str, meter: str | None) -> bool:
    return meter is not None and owner in (meter, _SUB_METER.sub("", meter))


def _id_in(topic: str) -> str | None:
    """The smartMeterId in a topic between adapter and Concentrator; None in other topics."""
    if not topic.startswith(_ROOTS):
        return None
    return topic.split("/", 2)[1]


def _own_concentrator(name: str) -> str:
    return topics.concentrator_status(name).removesuffix(topics.STATUS)


def _own_cloud(name: str) -> str:
    return topics.receipts(name).removesuffix("receipts")
