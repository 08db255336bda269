"""The newest refused message of each meter, and which refusals are worth a line in the log."""

import re
from collections import OrderedDict
from dataclasses import dataclass

from smartmeter_service.token_bucket import TokenBucket

_KEPT_MAX = 100  # meters; an id costs a stranger nothing, so the oldest gives its place up
_SAID_MAX = 1000  # kinds of meters
# A sender whose detail changes each time must not fill the disk with log lines.
_LOGGED_PER_S, _LOGGED_BURST = 1 / 60, 200.0
_DIGITS = re.compile(r"\d+")


@dataclass(frozen=True)
class Refusal:
    """A message that was not taken.

    meter: "" if its topic names none; kind: as it is counted; field: of a reading, or "".
    time: RFC 3339, when it came.
    """

    meter: str
    kind: str
    field: str
    detail: str
    time: str

    def document(self) -> dict[str, str]:
        """For JSON, without what is not known."""
        named = {"meter": self.meter, "kind": self.kind, "field": self.field}
        known = {name: text for name, text in named.items() if text}
        return known | {"detail": self.detail, "time": self.time}


class Refusals:
    """For one thread at a time."""

    def __init__(self) -> None:
        self._newest: OrderedDict[str, Refusal] = OrderedDict()  # by meter, the oldest first
        self._said: OrderedDict[tuple[str, str], str] = OrderedDict()
        self._lines = TokenBucket(_LOGGED_PER_S, _LOGGED_BURST)

    def note(self, refusal: Refusal, origin: str) -> bool:
        """Whether its detail is new for this origin and kind, so that it is logged.

        The same sentence with other numbers is not new.
        """
        self._newest.pop(refusal.meter, None)
        self._newest[refusal.meter] = refusal
        if len(self._newest) > _KEPT_MAX:
            self._newest.popitem(last=False)
        key = (origin, refusal.kind)
        sentence = _DIGITS.sub("", refusal.detail)
        is_news = self._said.pop(key, None) != sentence and self._lines.tokens >= 1
        if is_news:
            self._lines.take(1)
        self._said[key] = sentence
        if len(self._said) > _SAID_MAX:
            self._said.popitem(last=False)
        return is_news

    def forget(self, meter: str) -> None:
        self._newest.pop(meter, None)

    def newest(self) -> list[Refusal]:
        """One for each meter, the newest first."""
        return list(reversed(self._newest.values()))
