"""What ingest hands to the store for one transaction, and what is to be answered after it."""

from dataclasses import dataclass, field
from typing import NamedTuple

from smartmeter.wire import refusal
from smartmeter.wire.refusal import Refusal

from smartmeter_cloud.monitoring.observations import Box
from smartmeter_cloud.store.rows import DeadLetter, ReadingRow

# The id of a meter, and that of the Concentrator that sent its messages. The meter is "" for
# a Concentrator's own status.
Sender = tuple[str, str]


class Unstorable(NamedTuple):
    """A dead letter in the making; message: the digest of the message that it came in."""

    letter: DeadLetter
    sender: Sender
    message: bytes


@dataclass
class Batch:
    """What one transaction stores.

    messages: the digests of all messages that are answered, by their sender. refused: those
    that are not stored, by Concentrator; the others get a receipt.
    """

    readings: dict[Sender, list[ReadingRow]] = field(default_factory=dict)
    boxes: list[Box] = field(default_factory=list)
    unstorable: list[Unstorable] = field(default_factory=list)
    ignored: int = 0
    messages: dict[Sender, list[bytes]] = field(default_factory=dict)
    refused: dict[str, list[Refusal]] = field(default_factory=dict)

    def refuse(self, sender: Sender, reason: str, scope: str) -> int:
        """Take out all messages of a sender, which keeps them; how many there were."""
        digests = self.messages.pop(sender, [])
        self.readings.pop(sender, None)
        self.boxes = [box for box in self.boxes if (box.meter, box.concentrator) != sender]
        self.unstorable = [one for one in self.unstorable if one.sender != sender]
        self._note_refused(sender[1], digests, reason, scope)
        return len(digests)

    def refuse_unstorable(self, ones: list[Unstorable], reason: str) -> None:
        """Give messages that can be kept nowhere no receipt; their sender keeps them."""
        by_sender: dict[Sender, set[bytes]] = {}
        for one in ones:
            by_sender.setdefault(one.sender, set()).add(one.message)
        # If the topic names no Concentrator, nobody can be answered.
        self.ignored += sum(not one.sender[1] for one in ones)
        without = set(ones)
        self.unstorable = [one for one in self.unstorable if one not in without]
        for sender, refused in by_sender.items():
            if digests := self.messages.get(sender):
                digests[:] = [digest for digest in digests if digest not in refused]
                self._note_refused(sender[1], sorted(refused), reason, refusal.MESSAGE)

    def _note_refused(
        self, concentrator: str, digests: list[bytes], reason: str, scope: str
    ) -> None:
        if digests:
            self.refused.setdefault(concentrator, []).extend(
                [Refusal(digest, reason, final=False, scope=scope) for digest in digests]
            )

    @property
    def dead(self) -> list[DeadLetter]:
        """The dead letters that are to be kept."""
        return [one.letter for one in self.unstorable]

    @property
    def receipts(self) -> dict[str, list[bytes]]:
        """The digests of stored messages, for each Concentrator that gets them back."""
        found: dict[str, list[bytes]] = {}
        for (_, concentrator), digests in self.messages.items():
            if digests:
                found.setdefault(concentrator, []).extend(digests)
        return found

    @property
    def refusals(self) -> dict[str, list[Refusal]]:
        """The refusals for each Concentrator: of what it keeps, and of what is a dead letter."""
        found = {name: list(refused) for name, refused in self.refused.items()}
        told = {one.digest for refused in found.values() for one in refused}
        for one in self.unstorable:
            if one.sender in self.messages and one.message not in told:
                told.add(one.message)
                final = Refusal(one.message, one.letter.reason, final=True)
                found.setdefault(one.sender[1], []).append(final)
        return found

    @property
    def size(self) -> int:
        """The number of readings."""
        return sum(map(len, self.readings.values()))
