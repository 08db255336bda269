"""A simulated household: its power, voltages and currents at any moment, and exact energy totals.

Everything follows from a seed and the moment asked for, so two runs agree and any moment can be
asked for in any order. The load is a week's programme of appliances that repeats; between two
switchings of an appliance (a segment) power keeps its sign, so that a total is a sum of products
of integers and the reading of a total is the exact integral of the power readings.

Units in here are integers: mW and mvar, mV, mA, mHz, and micro-joules (mW x ms) for energy.
"""

from __future__ import annotations

import random
from bisect import bisect_right
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from math import isqrt

WEEK_MS = 7 * 86_400_000
FIRST_WEEK = datetime(2018, 1, 1, tzinfo=UTC)  # a Monday: the totals begin here
JOULES_MICRO_PER_WH = 3_600_000_000

# Power ripples by up to 2 % about its segment's mean: P + P / QUANTUM * r, r in -8 .. 8.
QUANTUM = 400  # mW; powers are multiples of it, so that the ripple is exact
_WAVE = (0, 3, 5, -2, -6, 1, 8, 4, -3, -8, -1, 2, 6, -4, -5, 7)
RIPPLE = (*_WAVE, *(-r for r in _WAVE))  # one per second; it sums to nothing

TARIFF_1 = range(6, 22)  # hours of standard time (UTC+1) in which tariff 1 counts

# registers of a segment: energy import and export, then the four quadrants of reactive energy,
# each per tariff, then import and export of each phase
IMPORT, EXPORT, Q1, Q2, Q3, Q4 = 0, 2, 4, 6, 8, 10
PHASE_IMPORT, PHASE_EXPORT = 12, 15
REGISTERS = 18


def _ripple_sum(ms: int) -> int:
    """The ripple's integral from the week's start to ms, in units of one segment's quantum."""
    seconds, rest = divmod(ms, 1000)
    whole = seconds % len(RIPPLE)
    return sum(RIPPLE[:whole]) * 1000 + RIPPLE[whole] * rest


def _appliances(rng: random.Random) -> Iterator[tuple[int, int, int, int, int]]:
    """The appliances: (start s, seconds, phase 0..2 or 3 for all, W, var)."""
    for day in range(7):
        midnight = day * 86400

        def at(hour: float, spread: float, midnight: int = midnight) -> int:
            return midnight + int((hour + rng.uniform(-spread, spread)) * 3600)

        for cycle in range(30):  # refrigerator: a compressor that comes and goes
            yield midnight + cycle * 2880 + rng.randrange(300), rng.randrange(700, 1100), 0, 85, 55
        for cycle in range(14):  # heat pump, three phases, inductive
            run = rng.randrange(1500, 3600)
            yield midnight + cycle * 6000 + rng.randrange(900), run, 3, 1650, 520
        yield at(6.3, 0.4), 170, 1, 2100, 0  # kettle
        yield at(16.2, 0.8), 150, 1, 2100, 0
        yield at(6.5, 0.3), 1500, 2, 380, 90  # morning: lights, radio, hair dryer
        yield at(11.5, 0.4), 2400, 2, 1900, 0  # cooker
        yield at(18.2, 0.6), 3300, 2, 2600, 0
        yield at(18.4, 0.6), 1800, 1, 1700, 0
        yield at(17.5, 0.5), 17000, 0, 230, -60  # evening: lights and screens, capacitive
        if day in (0, 2, 5):  # washing machine: heats, then turns
            start = at(9.5, 1.5)
            yield start, 1300, 1, 2050, 0
            yield start + 1300, 3900, 1, 240, 160
        if day in (1, 4, 6):  # an electric car, charging on one phase
            yield at(20.0, 0.8), 9000, 0, 3650, 60


def _sun(rng: random.Random, peak_w: int) -> Iterator[tuple[int, int, int, int, int]]:
    """The power that a photovoltaic plant exports on three phases, in steps of five minutes."""
    for day in range(7):
        clear = rng.uniform(0.55, 1.0)
        for step in range(66, 214):  # 05:30 to 17:50 UTC
            height = 1 - ((step - 140) / 74) ** 2
            cloud = rng.uniform(0.35, 1.0) if rng.random() < 0.4 else 1.0
            watts = int(peak_w * height * clear * cloud)
            if watts > 0:
                yield day * 86400 + step * 300, 300, 3, -watts, 0


class Snapshot:
    """The household at one moment.

    time: aware datetime; p, q: mW and mvar of each phase, import positive; u: mV; i: mA;
    f: mHz; energy: micro-joules (or their reactive equivalent) of each register.
    """

    __slots__ = ("energy", "f", "i", "p", "q", "time", "u")

    def __init__(
        self,
        time: datetime,
        p: tuple[int, ...],
        q: tuple[int, ...],
        u: tuple[int, ...],
        f: int,
        energy: list[int],
    ) -> None:
        self.time = time
        self.p = p
        self.q = q
        self.u = u
        self.i = tuple(
            isqrt(p[n] * p[n] + q[n] * q[n]) * 1000 // u[n] if u[n] else 0 for n in range(3)
        )
        self.f = f
        self.energy = energy


@lru_cache(maxsize=64)
def _week(
    seed: int, pv: bool, phases: int
) -> tuple[list[int], list[tuple[int, ...]], list[list[int]]]:
    """The week's segments: their starts in ms, their powers, and the registers at each start."""
    rng = random.Random(f"household {seed}")  # noqa: S311 - a simulation, not a secret
    runs = list(_appliances(rng))
    if pv:
        runs += _sun(rng, rng.randrange(5200, 9800))
    base = [
        (rng.randrange(45, 130) * 1000, rng.randrange(-70, 15) * 1000) for _ in range(3)
    ]  # standby; switch-mode supplies are capacitive
    changes: dict[int, list[int]] = {0: [0] * 6}
    for hour in range(7 * 24):  # the tariff may change on the hour
        changes.setdefault(hour * 3_600_000, [0] * 6)
    for start, seconds, phase, watts, var in runs:
        for moment, sign in ((start, 1), (start + seconds, -1)):
            delta = changes.setdefault(moment * 1000 % WEEK_MS, [0] * 6)
            for n in range(3):
                share = 1000 if phase == n else 1000 // 3 if phase == 3 else 0
                delta[n] += sign * watts * share
                delta[3 + n] += sign * var * share
        if start + seconds > 7 * 86400:  # what runs past the week's end runs at its start
            for n in range(3):
                share = 1000 if phase == n else 1000 // 3 if phase == 3 else 0
                changes[0][n] += watts * share
                changes[0][3 + n] += var * share
    starts = sorted(changes)
    level = [p for p, _ in base] + [q for _, q in base]
    powers: list[tuple[int, ...]] = []
    registers: list[list[int]] = []
    total = [0] * REGISTERS
    for index, start in enumerate(starts):
        level = [a + b for a, b in zip(level, changes[start], strict=True)]
        shown = [round(x / QUANTUM) * QUANTUM for x in level]
        for n in range(phases, 3):  # one phase: it carries what the others would
            shown[0] += shown[n]
            shown[3] += shown[3 + n]
            shown[n] = shown[3 + n] = 0
        powers.append(tuple(shown))
        registers.append(list(total))
        end = starts[index + 1] if index + 1 < len(starts) else WEEK_MS
        _add_energy(total, tuple(shown), start, end)
    registers.append(total)
    return starts, powers, registers


def _add_energy(total: list[int], power: tuple[int, ...], start: int, end: int) -> None:
    """Add the energy of a segment from start to end, both ms of the week."""
    tariff = 0 if (start // 3_600_000 + 1) % 24 in TARIFF_1 else 1
    span, ripple = end - start, _ripple_sum(end) - _ripple_sum(start)

    def integral(milli: int) -> int:
        return milli * span + milli // QUANTUM * ripple

    active, reactive = sum(power[:3]), sum(power[3:])
    total[(IMPORT if active >= 0 else EXPORT) + tariff] += abs(integral(active))
    quadrant = ((Q1, Q4) if active >= 0 else (Q2, Q3))[reactive < 0]
    total[quadrant + tariff] += abs(integral(reactive))
    for n in range(3):
        total[(PHASE_IMPORT if power[n] >= 0 else PHASE_EXPORT) + n] += abs(integral(power[n]))


class Household:
    """One household and the values that its meter would measure.

    seed: any int; pv: whether it exports energy; phases: 3, or 1.
    """

    def __init__(self, seed: int = 1, pv: bool = False, phases: int = 3) -> None:
        if phases not in (1, 3):
            raise ValueError(f"a household has 1 or 3 phases, not {phases}")
        self.seed = seed
        self.pv = pv
        self.phases = phases
        rng = random.Random(f"history {seed}")  # noqa: S311 - a simulation, not a secret
        # what the meter counted before it came here, in whole Wh
        self._before = [rng.randrange(0, 400_000) * JOULES_MICRO_PER_WH for _ in range(REGISTERS)]
        if not pv:
            for n in (EXPORT, EXPORT + 1, Q2, Q2 + 1, Q3, Q3 + 1, 15, 16, 17):
                self._before[n] = 0
        if phases == 1:
            for n in (13, 14, 16, 17):
                self._before[n] = 0

    def at(self, now: datetime) -> Snapshot:
        """The household at an aware datetime, to the millisecond."""
        starts, powers, registers = _week(self.seed, self.pv, self.phases)
        elapsed = (now - FIRST_WEEK) // timedelta(milliseconds=1)
        if elapsed < 0:
            raise ValueError(f"the household's history begins {FIRST_WEEK.date()}, not before")
        weeks, offset = divmod(elapsed, WEEK_MS)
        index = bisect_right(starts, offset) - 1
        power = powers[index]
        partial = list(registers[index])
        _add_energy(partial, power, starts[index], offset)
        energy = [
            before + weeks * week + here
            for before, week, here in zip(self._before, registers[-1], partial, strict=True)
        ]
        ripple = RIPPLE[offset // 1000 % len(RIPPLE)]
        now_power = [x + x // QUANTUM * ripple for x in power]
        second = offset // 1000 + self.seed * 7
        u = tuple(
            # the grid breathes over minutes and seconds, and a load pulls its phase down
            230_000
            + 100 * (RIPPLE[(second // 97 + 5 * n) % 32] * 2 + RIPPLE[(second // 3 + 11 * n) % 32])
            - now_power[n] // 2500
            if n < self.phases
            else 0
            for n in range(3)
        )
        f = 50_000 + 4 * RIPPLE[second // 11 % 32]
        return Snapshot(now, tuple(now_power[:3]), tuple(now_power[3:]), u, f, energy)
