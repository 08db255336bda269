"""What the intake asks of the part that publishes on the LAN for the household."""

from typing import Protocol


class Publisher(Protocol):
    """Any thread calls it."""

    def announce(self, meter: str, codes: dict[str, str], medium: str | None) -> None:
        """A meter has sent values that it had not sent before; these are all its codes.

        codes: with their units, or "" for that of the code. medium: what a sub-meter measures, or
        None for a main meter of electricity.
        """

    def publish(self, meter: str, specific: str, payload: bytes) -> None:
        """One of our own ports has read this."""

    def is_own(self, topic: str, payload: bytes) -> bool:
        """Whether a message on the LAN is one of those that we published."""
