"""What sources hand to the spool: messages to keep, and what to acknowledge after the commit."""

from dataclasses import dataclass, field
from typing import NamedTuple, Protocol


class NewRow(NamedTuple):
    """A message to keep."""

    meter: str
    specific: str  # the last level of its topic
    payload: bytes


class Connection(Protocol):
    """The source of a message, which also acknowledges it."""

    def ack(self, packet_ids: list[int]) -> None:
        """Tell the broker that it need not keep these messages any longer."""


class Ack(NamedTuple):
    """An acknowledgement that is due after the commit."""

    connection: Connection
    packet_id: int


@dataclass(slots=True)
class Batch:
    """What is committed together.

    statuses: meter -> its newest status; an empty one withdraws it. replay_guards: meter -> its
    replay guard. It is in the same commit as its readings: on disk before them, it would refuse
    them as replays when they come again after a kill. forgotten: meters of which nothing but
    messages is to remain. acks hold also for what is not kept.
    """

    rows: list[NewRow] = field(default_factory=list)
    statuses: dict[str, bytes] = field(default_factory=dict)
    replay_guards: dict[str, bytes] = field(default_factory=dict)
    forgotten: set[str] = field(default_factory=set)
    acks: list[Ack] = field(default_factory=list)

    def __len__(self) -> int:
        """About how many messages it is made of: a kept one of the LAN has a row and an ack."""
        return max(len(self.rows) + len(self.statuses), len(self.acks))

    def add(self, later: "Batch") -> None:
        """Take in what came later."""
        self.rows += later.rows
        self.statuses |= later.statuses
        self.replay_guards |= later.replay_guards
        self.forgotten |= later.forgotten
        self.acks += later.acks

    @property
    def size(self) -> int:
        """Bytes of payload."""
        return sum(len(row.payload) for row in self.rows)

    def acknowledge(self) -> None:
        """Acknowledge its messages; call it after the commit."""
        due: dict[Connection, list[int]] = {}
        for connection, packet_id in self.acks:
            due.setdefault(connection, []).append(packet_id)
        for connection, packet_ids in due.items():
            connection.ack(packet_ids)
