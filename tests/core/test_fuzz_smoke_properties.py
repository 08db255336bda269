"""Damaged telegrams of every form the virtual meters speak, seven hundred of each format.

A format is a link with its guard and contents; forms that share theirs with one before get a
few dozen. The seed is fixed. `make fuzz` is the long run, and says what must hold
(tools/fuzz). No time is measured here.
"""

import pytest

from tools.fuzz import campaign, subject

SEED = 20261122
THOROUGH = {"outer": 320, "inner": 280, "stream": 98, "garbage": 2}
BRIEF = {"outer": 36, "inner": 28, "stream": 8, "garbage": 1}


def formats() -> dict[str, dict[str, int]]:
    """How many mutants of each campaign a form gets."""
    seen = set()
    counts = {}
    for name in subject.names():
        format_ = subject.format_of(name)
        counts[name] = BRIEF if format_ in seen else THOROUGH
        seen.add(format_)
    return counts


@pytest.mark.parametrize(("form", "counts"), formats().items())
def test_damage_never_passes_for_a_reading(form: str, counts: dict[str, int]) -> None:
    failed = []
    for name, count in counts.items():
        tally = campaign.run(form, name, SEED, 0, count, alarm=False)
        assert tally.mutants == count or tally.violations
        failed += tally.violations
    assert not failed, "\n".join(failed)
