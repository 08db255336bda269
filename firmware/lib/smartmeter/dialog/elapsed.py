"""Milliseconds of any clock that grows; it may start again at 2^30, as MicroPython's ticks_ms."""

_PERIOD = 1 << 30


def elapsed(now_ms: int, then_ms: int) -> int:
    """Milliseconds from then to now."""
    return (now_ms - then_ms) & (_PERIOD - 1)
