"""A meter's power over the last day, in memory: means over five minutes."""

BUCKET_S = 300
_BUCKETS = 86_400 // BUCKET_S


class PowerCurve:
    """add() readings in any order; those a day older than the newest are dropped."""

    def __init__(self) -> None:
        self._sums: dict[int, tuple[float, int]] = {}
        self._newest = 0

    def add(self, when: float, watts: float) -> None:
        """A reading's unix time and power (import minus export)."""
        bucket = int(when) // BUCKET_S
        total, count = self._sums.get(bucket, (0.0, 0))
        self._sums[bucket] = total + watts, count + 1
        if bucket > self._newest:
            self._newest = bucket
            for old in [b for b in self._sums if b <= bucket - _BUCKETS]:
                del self._sums[old]

    def points(self) -> list[tuple[int, float]]:
        """(unix time at which five minutes begin, mean watts), in order; gaps have no point."""
        sums = dict(self._sums)
        return [(b * BUCKET_S, round(sums[b][0] / sums[b][1], 1)) for b in sorted(sums)]


def power(values: dict[str, float]) -> float | None:
    """Import minus export in W; None if the meter sends neither."""
    if "16.7.0" in values:
        return values["16.7.0"]
    if "1.7.0" in values:
        return values["1.7.0"] - values.get("2.7.0", 0.0)
    return None
