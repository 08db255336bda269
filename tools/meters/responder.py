"""The common face of meters that answer a reader: bytes in, answers out, no port and no clock."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Answer:
    """What a meter sends: bytes, the bit rate, how long it waits before, and the truth of it."""

    wire: bytes
    baud: int
    delay_ms: int = 0
    truth: dict[str, object] | None = None


class Responder(ABC):
    """A meter in conversation. `baud` is the rate at which it listens now."""

    def __init__(self, baud: int) -> None:
        self.baud = baud

    @abstractmethod
    def received(self, data: bytes, now: datetime) -> list[Answer]:
        """What it answers to bytes that a reader sent."""

    @abstractmethod
    def due(self, now: datetime) -> list[Answer]:
        """What it sends by itself, for want of an answer or by its own time; often nothing."""
