"""python -m tools.fuzz: feeds damaged telegrams of every virtual meter to the core.

FUZZ_SECONDS    how long (120)
FUZZ_SEED       a number that makes a run repeatable; by default another one each time, printed
FUZZ_PEERS=1    the same mutants through the peers of `make bench` as well, in a table of their own
FUZZ_FORMS      names of forms with commas between them; by default all

These rules must hold; the exit status is 1 if one of them is broken:

- No exception leaves feed.
- Nothing hangs, and the slowest mutant takes less than 10 times the mean.
- At most 4096 bytes are kept.
- A damaged telegram never becomes another reading if a CRC or a tag covers it. Over the 8-bit sum
  of M-Bus this may happen in 0.5 % of mutants, over the 7 bits of a readout's BCC in 1 %, and
  over the 6 bits of a TIC group's check in 2 %. It is 2 % for heat and water meters, too:
  a sum does not notice swapped bytes, and their values do not check each other as those of
  electricity do. These readings are marked as not authenticated.
- Good telegrams before and after a damaged one are read.
"""

import argparse
import os
import sys
import time
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from random import SystemRandom

from . import again, campaign, peers, report, subject
from .tally import Tally

_BATCH = 200  # mutants of one task
_GARBAGE_BATCH = 4  # streams of one task: they are long
_TASK_S = 60  # seconds for one task, after which it counts as hanging if no alarm helps

Job = tuple[str, str, str, int, int, int]  # doer, form, campaign, seed, first number, count


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tools.fuzz",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--again",
        nargs=4,
        metavar=("FORM", "CAMPAIGN", "SEED", "NUMBER"),
        help="shows one mutant of an earlier run",
    )
    arguments = parser.parse_args()
    try:
        if arguments.again:
            form, name, seed, number = arguments.again
            if name not in campaign.NAMES:
                raise ValueError(f"CAMPAIGN must be one of {', '.join(campaign.NAMES)}")
            return again.show(form, name, _number("SEED", seed), _number("NUMBER", number))
        seconds = float(_number("FUZZ_SECONDS", os.environ.get("FUZZ_SECONDS") or "120"))
        given = os.environ.get("FUZZ_SEED")
        seed = _number("FUZZ_SEED", given) if given else SystemRandom().randrange(1 << 32)
        chosen = os.environ.get("FUZZ_FORMS")
        forms = chosen.split(",") if chosen else subject.names()
        subjects = [subject.get(form) for form in forms]
    except ValueError as why:
        print(f"fuzz: {why}", file=sys.stderr)
        return 2
    print(f"FUZZ_SECONDS={seconds:.0f} FUZZ_SEED={seed}, {len(subjects)} forms", flush=True)
    with_peers = os.environ.get("FUZZ_PEERS") == "1"
    for sentence in peers.missing() if with_peers else []:
        print(f"peer {sentence}")
    tallies = _run(forms, seed, seconds, peers.pairs(subjects) if with_peers else [])
    return report.show(subjects, seed, tallies)


def _number(name: str, text: str) -> int:
    if not text.isdigit():
        raise ValueError(f"{name} must be a whole number, not {text!r}")
    return int(text)


def _work(job: Job) -> tuple[Job, Tally]:
    doer, form, name, seed, first, count = job
    run = campaign.run if doer == report.OURS else peers.runner(doer)
    return job, run(form, name, seed, first, count)


def _jobs(forms: list[str], seed: int, pairs: list[tuple[str, str]]):  # type: ignore[no-untyped-def]
    """Forever, all forms in turn."""
    turn = 0
    while True:
        for name in campaign.NAMES:
            count = _GARBAGE_BATCH if name == "garbage" else _BATCH
            for form in forms:
                yield report.OURS, form, name, seed, turn * count, count
            if name in ("outer", "inner"):
                for doer, form in pairs:
                    yield doer, form, name, seed, turn * count, count
        turn += 1


def _run(
    forms: list[str], seed: int, seconds: float, pairs: list[tuple[str, str]]
) -> dict[tuple[str, str, str], Tally]:
    tallies: dict[tuple[str, str, str], Tally] = {}
    workers = os.cpu_count() or 1
    until = time.monotonic() + seconds
    jobs = _jobs(forms, seed, pairs)
    told = 0.0
    with ProcessPoolExecutor(workers) as pool:
        running: set[Future[tuple[Job, Tally]]] = set()
        while time.monotonic() < until or running:
            while time.monotonic() < until and len(running) < 2 * workers:
                running.add(pool.submit(_work, next(jobs)))
            done, running = wait(running, timeout=_TASK_S, return_when=FIRST_COMPLETED)
            if not done:
                print("\nfuzz: a mutant hangs and no alarm reaches it; one of the last jobs")
                for process in list(pool._processes.values()):
                    process.kill()
                raise SystemExit(1)
            for future in done:
                job, tally = future.result()
                tallies.setdefault(job[:3], Tally()).add(tally)
            if sys.stderr.isatty() and time.monotonic() - told > 1:
                told = time.monotonic()
                count = sum(t.mutants for t in tallies.values())
                left = max(0, until - told)
                print(f"\r{count} mutants, {left:.0f} s to go ", end="", file=sys.stderr)
    if told:
        print(file=sys.stderr)
    return tallies


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
