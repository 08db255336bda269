"""Energy since local midnight, from a meter's totals."""

import datetime

_CODES = ("1.8.0", "2.8.0")
_NEAR_S = 900  # a total from so shortly before midnight counts as midnight's
_DAY_S = 86_400

Point = tuple[float, float]  # unix time, Wh


class DailyEnergy:
    """add() readings in any order; only those of today and yesterday count."""

    def __init__(self) -> None:
        self._begin = self._end = 0.0
        self._before: dict[str, Point] = {}  # the last of yesterday
        self._first: dict[str, Point] = {}
        self._last: dict[str, Point] = {}

    def add(self, when: float, values: dict[str, float]) -> None:
        """A reading's unix time and its values."""
        if when >= self._end:
            self._before = self._last if when - self._end < _DAY_S else {}
            self._first, self._last = {}, {}
            self._begin, self._end = _bounds(when)
        for code in _CODES:
            if code in values:
                self._note(code, (when, values[code]))

    def _note(self, code: str, point: Point) -> None:
        if point[0] < self._begin:
            self._before[code] = max(self._before.get(code, point), point)
        else:
            self._first[code] = min(self._first.get(code, point), point)
            self._last[code] = max(self._last.get(code, point), point)

    def grown(self, now: float) -> dict[str, dict[str, float]]:
        """code -> {"wh": energy, "since": unix time}; a total that went down is left out."""
        if now >= self._end:
            return {}
        found = {}
        for code, (_, last) in self._last.items():
            since, first = self._first[code]
            before = self._before.get(code)
            if before and self._begin - before[0] <= _NEAR_S:
                since, first = self._begin, before[1]
            if last >= first:
                found[code] = {"wh": round(last - first, 1), "since": int(since)}
        return found


def _bounds(when: float) -> tuple[float, float]:
    """Unix times at which the local day of a moment begins and ends."""
    day = datetime.datetime.fromtimestamp(when).date()
    midnight = datetime.time()
    begin = datetime.datetime.combine(day, midnight)
    end = datetime.datetime.combine(day + datetime.timedelta(days=1), midnight)
    return begin.timestamp(), end.timestamp()
