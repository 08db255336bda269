"""What ingest hands to the store for one transaction, and what is to be answered after it."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from smartmeter.wire import refusal
from smartmeter.wire.refusal import Refusal

from smartmeter_cloud.monitoring.observations import Box
from smartmeter_cloud.store.rows import DeadLetter, Medium, ReadingRow

# The id of a meter, and that of the Concentrator that sent its messages. The meter is "" for
# a Concentrator's own status.
Sender = tuple[str, str]


class Reason(NamedTuple):
    """Why a sender's messages are refused; scope: see smartmeter.wire.refusal."""

    reason: str
    scope: str


class Unstorable(NamedTuple):
    """A dead letter in the making; message: the digest of the message that it came in."""

    letter: DeadLetter
    sender: Sender
    message: bytes


@dataclass
class Batch:
    """What one transaction stores.

    media: what sub-meters among them measure, by meter.
    messages: the digests of all messages that are answered, with their senders. refused: those
    that are not stored, by Concentrator; the others get a receipt. over_quota: the senders that
    have sent too much.
    """

    readings: dict[Sender, list[ReadingRow]] = field(default_factory=dict)
    media: dict[str, Medium] = field(default_factory=dict)
    boxes: list[Box] = field(default_factory=list)
    unstorable: list[Unstorable] = field(default_factory=list)
    ignored: int = 0
    messages: list[tuple[Sender, bytes]] = field(default_factory=list)
    refused: dict[str, list[Refusal]] = field(default_factory=dict)
    over_quota: dict[Sender, Reason] = field(default_factory=dict)

    def refuse(self, senders: Mapping[Sender, Reason]) -> Counter[Sender]:
        """Take out all messages of some senders, which keep them; how many each had."""
        counts: Counter[Sender] = Counter()
        for sender, digest in self.messages:
            if sender in senders:
                counts[sender] += 1
                self._note_refused(sender[1], digest, *senders[sender])
        for sender in senders:
            self.readings.pop(sender, None)
        self.messages = [one for one in self.messages if one[0] not in senders]
        self.boxes = [box for box in self.boxes if (box.meter, box.concentrator) not in senders]
        self.unstorable = [one for one in self.unstorable if one.sender not in senders]
        return counts

    def refuse_unstorable(self, ones: list[Unstorable], reason: str) -> None:
        """Give messages that can be kept nowhere no receipt; their sender keeps them."""
        # If the topic names no Concentrator, nobody can be answered.
        self.ignored += sum(not one.sender[1] for one in ones)
        without = set(ones)
        self.unstorable = [one for one in self.unstorable if one not in without]
        refused = {(one.sender, one.message) for one in ones if one.sender[1]}
        for sender, digest in refused.intersection(self.messages):
            self._note_refused(sender[1], digest, reason, refusal.MESSAGE)
        self.messages = [one for one in self.messages if one not in refused]

    def _note_refused(self, concentrator: str, digest: bytes, reason: str, scope: str) -> None:
        refused = Refusal(digest, reason, final=False, scope=scope)
        self.refused.setdefault(concentrator, []).append(refused)

    @property
    def dead(self) -> list[DeadLetter]:
        """The dead letters that are to be kept."""
        return [one.letter for one in self.unstorable]

    @property
    def receipts(self) -> dict[str, list[bytes]]:
        """The digests of stored messages, for each Concentrator that gets them back."""
        found: dict[str, list[bytes]] = {}
        for (_, concentrator), digest in self.messages:
            found.setdefault(concentrator, []).append(digest)
        return found

    @property
    def refusals(self) -> dict[str, list[Refusal]]:
        """The refusals for each Concentrator: of what it keeps, and of what is a dead letter."""
        found = {name: list(refused) for name, refused in self.refused.items()}
        refused_digests = {one.digest for refused in found.values() for one in refused}
        for one in self.unstorable:
            if one.sender[1] and one.message not in refused_digests:
                refused_digests.add(one.message)
                final = Refusal(one.message, one.letter.reason, final=True)
                found.setdefault(one.sender[1], []).append(final)
        return found

    @property
    def size(self) -> int:
        """The number of readings."""
        return sum(map(len, self.readings.values()))
