"""The household's district heating and water: what their meters count, as integers.

Everything follows from the household's seed and the moment. The codes are those of OBIS in full
(heat 6-0, water 8-0), and those that heat meters write without group A (6-0:6.8.0).
"""

from __future__ import annotations

from datetime import timedelta

from .household import FIRST_WEEK, RIPPLE, Snapshot

_WATTS = 5_000
_LITRES_PER_DAY = 340
_SUPPLY_C = 72
_DIFFERENCE_K = 25
_JOULES_PER_LITRE_K = 4_186  # of water

_NAMES = {
    "6-0:1.0.0": "energy",
    "6-0:6.8.0": "energy",
    "6-0:2.0.0": "volume",
    "6-0:6.26.0": "volume",
    "6-0:8.0.0": "power",
    "6-0:9.0.0": "flow",
    "6-0:10.0.0": "supply",
    "6-0:11.0.0": "return",
    "6-0:12.0.0": "difference",
    "6-0:6.31.0": "hours",
    "8-0:1.0.0": "water",
    "8-0:2.0.0": "tap",
}


def mantissa(s: Snapshot, code: str, exponent: int) -> int:
    """The count of 10^exponent base units (J, W, m3, m3/h, degC, K, h) that a meter would show."""
    seconds = (s.time - FIRST_WEEK) // timedelta(seconds=1)
    ripple = RIPPLE[seconds % len(RIPPLE)] + seconds % 9
    joules = _WATTS * seconds
    litres = joules // (_JOULES_PER_LITRE_K * _DIFFERENCE_K)
    micro = {
        "energy": joules * 1_000_000,
        "volume": litres * 1_000,
        "power": (_WATTS + 10 * ripple) * 1_000_000,
        "flow": 172_000 + 300 * ripple,  # 5 kW at 25 K
        "supply": (_SUPPLY_C * 10 + ripple) * 100_000,
        "return": ((_SUPPLY_C - _DIFFERENCE_K) * 10 + ripple) * 100_000,
        "difference": _DIFFERENCE_K * 1_000_000,
        "hours": seconds // 3600 * 1_000_000,
        "water": _LITRES_PER_DAY * seconds * 1_000 // 86_400,
        "tap": max(0, ripple) * 50_000,  # a tap that opens and closes
    }[_NAMES[code]]
    scale = exponent + 6
    return int(micro // 10**scale) if scale >= 0 else int(micro * 10**-scale)
