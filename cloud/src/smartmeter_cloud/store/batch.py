"""What ingest hands to the store for one transaction."""

from dataclasses import dataclass, field

from smartmeter.wire import receipt, topics

from smartmeter_cloud.monitoring.observations import Box
from smartmeter_cloud.store.rows import DeadLetter, ReadingRow

# The id of a meter, and that of the Concentrator that sent its readings.
Sender = tuple[str, str]


@dataclass
class Batch:
    """What one transaction stores.

    receipts: the digests of stored messages, for each Concentrator that gets them back.
    """

    readings: dict[Sender, list[ReadingRow]] = field(default_factory=dict)
    boxes: list[Box] = field(default_factory=list)
    dead: list[DeadLetter] = field(default_factory=list)
    ignored: int = 0
    receipts: dict[str, list[bytes]] = field(default_factory=dict)

    def refuse(self, sender: Sender, reason: str) -> None:
        """Turn a sender's readings into dead letters."""
        meter, concentrator = sender
        topic = topics.uplink(concentrator, meter, topics.READING)
        digest = receipt.digest(topic, reason.encode())
        for row in self.readings.pop(sender):
            self.dead.append(DeadLetter(digest, row[2], topic, reason, 0, b""))

    @property
    def size(self) -> int:
        """The number of readings."""
        return sum(map(len, self.readings.values()))
