"""Bounds the retained messages of each user."""

_TOPICS = 4_000  # a Concentrator forwards a status for each of its meters
_BYTES = 4_000_000


class RetainedLimit:
    """Counts the retained messages of each user, by topic."""

    def __init__(self) -> None:
        self._sizes: dict[str, dict[str, int]] = {}
        self._bytes: dict[str, int] = {}

    def takes(self, user: str, topic: str, size: int) -> bool:
        """Whether to retain a message of `size` bytes; if so, it is counted. 0 removes one."""
        mine = self._sizes.setdefault(user, {})
        total = self._bytes.get(user, 0) - mine.get(topic, 0) + size
        if size and (total > _BYTES or (topic not in mine and len(mine) >= _TOPICS)):
            return False
        if size:
            mine[topic] = size
        else:
            mine.pop(topic, None)
        self._bytes[user] = total
        return True
