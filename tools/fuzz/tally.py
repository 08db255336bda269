"""What a campaign counted."""

from collections import Counter
from dataclasses import dataclass, field

_SLOWEST = 4
_VIOLATIONS_KEPT = 20


@dataclass
class Tally:
    """Sums over mutants.

    rejected: no reading; same: as the telegram says (or the one it was spliced with); different:
    another reading; chance: another, that its CRC or its blocks cannot tell; untagged: different
    ones that say they are not authenticated, over an 8-bit sum or none.
    violations: sentences with what to type to see it again; more: those beyond the ones kept.
    """

    mutants: int = 0
    rejected: int = 0
    same: int = 0
    different: int = 0
    chance: int = 0
    exceptions: Counter[str] = field(default_factory=Counter)
    hangs: int = 0
    timed: int = 0
    seconds: float = 0.0
    slowest: list[tuple[float, int]] = field(default_factory=list)
    held: int = 0  # bytes, the most that a receiver kept
    violations: list[str] = field(default_factory=list)
    more: int = 0

    def took(self, seconds: float, index: int) -> None:
        self.timed += 1
        self.seconds += seconds
        if len(self.slowest) < _SLOWEST or seconds > self.slowest[-1][0]:
            self.slowest = sorted([*self.slowest, (seconds, index)], reverse=True)[:_SLOWEST]

    def violated(self, sentence: str) -> None:
        if len(self.violations) < _VIOLATIONS_KEPT:
            self.violations.append(sentence)
        else:
            self.more += 1

    def add(self, other: "Tally") -> None:
        self.mutants += other.mutants
        self.rejected += other.rejected
        self.same += other.same
        self.different += other.different
        self.chance += other.chance
        self.exceptions += other.exceptions
        self.hangs += other.hangs
        self.timed += other.timed
        self.seconds += other.seconds
        self.slowest = sorted(self.slowest + other.slowest, reverse=True)[:_SLOWEST]
        self.held = max(self.held, other.held)
        for sentence in other.violations:
            self.violated(sentence)
        self.more += other.more

    @property
    def mean(self) -> float:
        return self.seconds / self.timed if self.timed else 0.0
