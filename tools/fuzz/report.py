"""The tables of a fuzz run, and whether the rules held."""

from math import sqrt

from smartmeter.reading import ELECTRICITY

from tools.table import Table

from . import campaign
from .cpu_limit import CpuLimit
from .subject import SUM, Subject
from .tally import Tally

OURS = "ours"
_SLOW = 10  # times the mean
_SUM_MOST = 0.005  # of mutants over the 8-bit sum of M-Bus
_ALONE_MOST = 0.02  # the same of heat and water meters, whose values do not check each other
_BCC_MOST = 0.01  # of a readout's, over 7 bits
_GROUPS_MOST = 0.02  # of a TIC frame's, over 6 bits
_LUCK = 3  # standard deviations that a run may exceed by bad luck
_AGAIN = 3  # times that a mutant is run again, because a busy machine is sometimes slow
_USUAL = 40  # mutants that make the mean
_SHOWN = 60

Tallies = dict[tuple[str, str, str], Tally]


def show(subjects: list[Subject], seed: int, tallies: Tallies) -> int:
    """Prints everything; 1 if a rule is broken."""
    ours = {key[1:]: tally for key, tally in tallies.items() if key[0] == OURS}
    violations = _ours(subjects, seed, ours)
    others = {key: tally for key, tally in tallies.items() if key[0] != OURS}
    if others:
        _others(others)
    total = sum(tally.mutants for tally in ours.values())
    print(f"\n{total} mutants, seed {seed}")
    for sentence in violations[:_SHOWN]:
        print(f"FAILS: {sentence}")
    if len(violations) > _SHOWN:
        print(f"... and {len(violations) - _SHOWN} more")
    more = sum(tally.more for tally in ours.values())
    if more:
        print(f"... and {more} that were not kept")
    if not violations:
        print("all rules held")
    return 1 if violations else 0


def _ours(subjects: list[Subject], seed: int, tallies: dict[tuple[str, str], Tally]) -> list[str]:
    violations: list[str] = []
    table = Table(
        ("form", 27),
        ("guard", 5),
        ("campaign", 8),
        ("mutants", 8),
        ("rejected", 8),
        ("same", 6),
        ("DIFFERENT", 9),
        ("chance", 6),
        ("exceptions", 10),
        ("hangs", 5),
        ("held", 5),
        ("mean us", 7),
        ("worst/mean", 10),
    )
    for subject in subjects:
        for name in campaign.NAMES:
            tally = tallies.get((subject.name, name))
            if tally is None:
                continue
            ratio = _worst(subject, name, seed, tally)
            table.row(
                subject.name,
                subject.guard,
                name,
                tally.mutants,
                tally.rejected,
                tally.same,
                tally.different,
                tally.chance,
                sum(tally.exceptions.values()),
                tally.hangs,
                tally.held or None,
                f"{tally.mean * 1e6:.0f}",
                f"{ratio:.1f}",
            )
            violations += tally.violations
            if ratio >= _SLOW and name != "garbage":
                slow = f"python -m tools.fuzz --again {subject.name} {name} {seed}"
                violations.append(
                    f"the slowest takes {ratio:.1f} times the mean: {slow} {tally.slowest[0][1]}"
                )
            if name == "outer" and subject.guard == SUM:
                share = _most_of(subject)
                most = share * tally.mutants
                if tally.different > most + _LUCK * sqrt(most) + 1:
                    violations.append(
                        f"{subject.name}: {tally.different} of {tally.mutants} damaged telegrams "
                        f"became another reading, over {share:.1%}"
                    )
    return violations


def _most_of(subject: Subject) -> float:
    if subject.medium != ELECTRICITY:
        return _ALONE_MOST
    return {"iec62056": _BCC_MOST, "tic": _GROUPS_MOST}.get(subject.link, _SUM_MOST)


def _worst(subject: Subject, name: str, seed: int, tally: Tally) -> float:
    """The slowest mutant's time over the mean, both measured now, without other load."""
    if not tally.mean or name == "garbage":
        return 0.0
    slow = [(_again(subject, name, seed, number), number) for _, number in tally.slowest]
    tally.slowest = sorted(slow, reverse=True)
    usual = [_again(subject, name, seed, number) for number in range(min(_USUAL, tally.mutants))]
    timed = [seconds for seconds in usual if seconds]
    return tally.slowest[0][0] * len(timed) / sum(timed) if timed else 0.0


def _again(subject: Subject, name: str, seed: int, number: int) -> float:
    """The shortest time that a mutant takes; 0 if it comes in too many pieces to measure."""
    times = []
    for _ in range(_AGAIN):
        once = Tally()
        campaign.one(subject, name, seed, number, once, CpuLimit())
        times.append(once.seconds)
    return min(times)


def _others(tallies: Tallies) -> None:
    print()
    table = Table(
        ("peer", 14),
        ("form", 27),
        ("campaign", 8),
        ("mutants", 8),
        ("rejected", 8),
        ("same", 6),
        ("DIFFERENT", 9),
        ("odd exceptions", 44),
        ("hangs", 5),
        ("worst ms", 8),
    )
    for (doer, form, name), tally in sorted(tallies.items()):
        odd = ", ".join(f"{kind} {count}" for kind, count in tally.exceptions.most_common(3))
        worst = tally.slowest[0][0] * 1000 if tally.slowest else 0
        table.row(
            doer,
            form,
            name,
            tally.mutants,
            tally.rejected,
            tally.same,
            tally.different,
            odd or None,
            tally.hangs,
            f"{worst:.0f}",
        )
