"""Whose messages a broker refuses: they wait on disk, are tried again, and hold up nobody else."""

WAIT_S = 60.0


class Parking:
    """Keys are meter ids. Some brokers end the connection with a refusal; this outlives it."""

    def __init__(self) -> None:
        self._until: dict[str, float] = {}
        self._next = 0.0

    def __bool__(self) -> bool:
        return bool(self._until)

    def refuse(self, key: str, now: float) -> None:
        """A message of key was refused."""
        self._until[key] = now + WAIT_S
        self._next = min(self._until.values())

    def holds(self, key: str, now: float) -> bool:
        """Whether messages of key are to wait."""
        return self._until.get(key, now) > now

    def accepted(self, key: str) -> None:
        """A message of key was taken."""
        self._until.pop(key, None)

    def over(self, now: float) -> list[str]:
        """Keys whose wait is over and that may be tried; each is told once for each wait."""
        if not self._until or now < self._next:
            return []
        later = [until for until in self._until.values() if until > now]
        self._next = min(later, default=now + WAIT_S)
        return [key for key, until in self._until.items() if until <= now]
