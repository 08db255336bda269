"""What the intake asks of the part that publishes on the LAN for the household."""

from typing import Protocol


class Publisher(Protocol):
    """Any thread calls it."""

    def announce(self, meter: str, codes: set[str]) -> None:
        """A meter has sent values that it had not sent before; these are all its codes."""

    def publish(self, meter: str, specific: str, payload: bytes) -> None:
        """One of our own ports has read this."""

    def is_own(self, topic: str, payload: bytes) -> bool:
        """Whether a message on the LAN is one of those that we published."""
