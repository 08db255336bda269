"""What each OBIS code of electricity means in a household, as an integer at a resolution.

Codes are "C.D.E" of IEC 62056-6-1: C the quantity, D how it is made (7 momentary value,
8 time integral), E the tariff.
"""

from __future__ import annotations

from math import isqrt

from . import heating
from .household import (
    EXPORT,
    IMPORT,
    JOULES_MICRO_PER_WH,
    PHASE_EXPORT,
    PHASE_IMPORT,
    Q1,
    Q2,
    Q3,
    Q4,
    Snapshot,
)

# units of the COSEM interface classes (IEC 62056-6-2, table of units)
W, VA, VAR, WH, VAH, VARH, A, V, HZ, NO_UNIT = 27, 28, 29, 30, 31, 32, 33, 35, 44, 255

# the registers that make up an energy; quadrant I lags and imports
ENERGY = {
    1: (IMPORT,),
    2: (EXPORT,),
    3: (Q1, Q2),
    4: (Q3, Q4),
    5: (Q1,),
    6: (Q2,),
    7: (Q3,),
    8: (Q4,),
    15: (IMPORT, EXPORT),
}


def _phase_of(c: int) -> int:
    """The phase 0 .. 2 a C value of 21 to 80 speaks of."""
    return (c - 21) // 20


def unit(code: str) -> int:
    """The unit's number of a code "C.D.E"."""
    c, d, _ = (int(part) for part in code.split("."))
    kind = c if c <= 20 else (c - 1) % 20 + 1
    if kind in (1, 2, 15, 16):
        return W if d != 8 else WH
    if kind in (3, 4, 5, 6, 7, 8):
        return VAR if d != 8 else VARH
    if kind in (9, 10):
        return VA if d != 8 else VAH
    return {11: A, 12: V, 13: NO_UNIT, 14: HZ}[kind]


def _round(milli: int, exponent: int) -> int:
    """A value in thousandths as a count of 10^exponent, cut towards zero as meters do."""
    size = abs(milli) // int(10 ** (exponent + 3)) if exponent >= -3 else abs(milli) * 10
    return size if milli >= 0 else -size


def quadrant(p: int, q: int) -> int:
    """1 to 4: I imports both, II exports active, III exports both, IV exports reactive."""
    if q >= 0:
        return 1 if p >= 0 else 2
    return 4 if p >= 0 else 3


def _power(s: Snapshot, c: int) -> int:
    """Milli-watts, -vars or -volt-amperes of a C value."""
    if c > 20:
        n = _phase_of(c)
        p, q, kind = s.p[n], s.q[n], (c - 1) % 20 + 1
    else:
        p, q, kind = sum(s.p), sum(s.q), c
    if kind in (1, 2):
        return max(0, p if kind == 1 else -p)
    if kind in (3, 4):
        return max(0, q if kind == 3 else -q)
    if kind in (5, 6, 7, 8):
        return abs(q) if kind == quadrant(p, q) + 4 else 0
    if kind in (9, 10):
        return isqrt(p * p + q * q) if (p >= 0) == (kind == 9) else 0
    if kind == 13:
        size = isqrt(p * p + q * q)
        return abs(p) * 1000 // size if size else 0
    return abs(p) if kind == 15 else p


def mantissa(s: Snapshot, code: str, exponent: int) -> int:
    """The count of 10^exponent base units (W, var, Wh, V, A, Hz) that a meter would show.

    A code in full, such as 6-0:1.0.0, is that of a heat or water meter.

    Totals are the sums of what the registers show, so a total is always that of its tariffs and
    quadrants, as on a real display.
    """
    if ":" in code:
        return heating.mantissa(s, code, exponent)
    if exponent < -4:
        raise ValueError(f"a resolution of 10^{exponent} is finer than the household knows")
    c, d, e = (int(part) for part in code.split("."))
    if d == 8:
        size = int(10 ** (exponent + 4)) * JOULES_MICRO_PER_WH // 10_000
        if c > 20:
            n, kind = _phase_of(c), (c - 1) % 20 + 1
            return s.energy[(PHASE_IMPORT if kind == 1 else PHASE_EXPORT) + n] // size
        tariffs = (0, 1) if e == 0 else (e - 1,)
        if e > 2:  # tariffs 3 and 4 exist on some meters and are never in force here
            return 0
        return sum(s.energy[r + t] // size for r in ENERGY[c] for t in tariffs)
    kind = c if c <= 20 else (c - 1) % 20 + 1
    if kind == 11:
        return _round(s.i[_phase_of(c)], exponent)
    if kind == 12:
        return _round(s.u[_phase_of(c)], exponent)
    if kind == 14:
        return _round(s.f, exponent)
    return _round(_power(s, c), exponent)


def number(count: int, exponent: int) -> int | float:
    """The count as the number JSON shows: 2294, -1 is 229.4."""
    return count * 10**exponent if exponent >= 0 else float(f"{count}e{exponent}")
