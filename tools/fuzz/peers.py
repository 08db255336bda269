"""Feeds the same mutants to the other decoders of `make bench`: FUZZ_PEERS=1.

A peer's documented refusal is `rejected`. Fewer values than the telegram's, but right ones, are
`same`. Any other exception is odd. Nothing here fails the run; it is only for comparison.
"""

import contextlib
import io
import logging
from collections.abc import Callable
from decimal import Decimal
from functools import lru_cache
from random import Random
from types import ModuleType

from tools.bench import peers as bench_peers
from tools.bench.telegrams import Telegrams, Values

from . import campaign
from .cpu_limit import CpuLimit, Hang
from .subject import Subject, get
from .tally import Tally


@lru_cache
def _loaded() -> dict[str, ModuleType]:
    logging.disable(logging.CRITICAL)
    return {peer.NAME: peer for peer in bench_peers.load()[0]}


def missing() -> list[str]:
    """A sentence for each peer that is not installed."""
    return bench_peers.load()[1]


def _telegrams(subject: Subject) -> Telegrams:
    return Telegrams(
        subject.name,
        subject.form.link,
        [original.wire for original in subject.originals],
        subject.key,
        subject.auth_key,
        subject.form.ciphered,
        subject.form.tagged,
    )


def pairs(subjects: list[Subject]) -> list[tuple[str, str]]:
    """(peer, form) for each form that a peer reads."""
    return [
        (name, subject.name) for subject in subjects for name in _loaded() if _reads(name, subject)
    ]


@lru_cache(maxsize=256)
def _good(name: str, form: str) -> tuple[Values, ...]:
    """The peer's results for the form's undamaged telegrams."""
    peer = _loaded()[name]
    telegrams = _telegrams(get(form))
    read = peer.reader(telegrams)
    return tuple(peer.values(read(wire), telegrams) for wire in telegrams.wires)


def _reads(name: str, subject: Subject) -> bool:
    try:
        return all(_good(name, subject.name))
    except Exception:
        return False


def runner(name: str) -> Callable[[str, str, int, int, int], Tally]:
    def run(form: str, campaign_name: str, seed: int, first: int, count: int) -> Tally:
        return _run(name, form, campaign_name, seed, first, count)

    return run


def _run(name: str, form: str, campaign_name: str, seed: int, first: int, count: int) -> Tally:
    peer = _loaded()[name]
    subject = get(form)
    telegrams = _telegrams(subject)
    good = _good(name, form)
    tally = Tally()
    cpu_limit = CpuLimit()
    make = campaign.mutant if campaign_name == "outer" else campaign.inner_mutant
    for number in range(first, first + count):
        rng = Random(f"{seed} {form} {campaign_name} {number}")  # noqa: S311 - repeatable
        wire, _ = make(subject, rng)
        if wire is None:
            continue
        tally.mutants += 1
        read = peer.reader(telegrams)  # a fresh one, as ours has

        def decode(read=read, wire=wire) -> Values:  # type: ignore[no-untyped-def]
            values: Values = peer.values(read(wire), telegrams)
            return values

        try:
            with contextlib.redirect_stdout(io.StringIO()):
                values, seconds = cpu_limit(decode)
        except Hang:
            tally.hangs += 1
            continue
        except peer.ERRORS:
            tally.rejected += 1
            continue
        except Exception as e:
            tally.exceptions[type(e).__name__] += 1
            continue
        tally.took(seconds, number)
        if not values:
            tally.rejected += 1
        elif any(_within(values, whole) for whole in good):
            tally.same += 1
        else:
            tally.different += 1
    return tally


def _within(values: Values, whole: Values) -> bool:
    return all(whole.get(code) == Decimal(number) for code, number in values.items())
