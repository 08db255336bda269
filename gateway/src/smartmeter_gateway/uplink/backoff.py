"""Holds back the meters whose messages the broker refuses; all others go on."""

WAIT_S = 60.0


class Backoff:
    """Keys are meter ids. It outlives a connection: some brokers end it after a refusal."""

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
        """Whether messages of key must wait."""
        return self._until.get(key, now) > now

    def accepted(self, key: str) -> None:
        """A message of key was accepted."""
        self._until.pop(key, None)

    def over(self, now: float) -> list[str]:
        """Keys whose wait is over, so that they may be tried; each once for each wait."""
        if not self._until or now < self._next:
            return []
        later = [until for until in self._until.values() if until > now]
        self._next = min(later, default=now + WAIT_S)
        return [key for key, until in self._until.items() if until <= now]
