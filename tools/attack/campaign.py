"""Runs the attacks one after the other, and looks after each whether the chain is well."""

import time
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from tools.attack import access, answers, enrolment, floods, lan, ownership, replays
from tools.attack.attacks import ALL, Attack, NotHeld, held
from tools.attack.site import METER, Site

# In this order: what revokes or restarts something comes last.
MODULES = (ownership, answers, access, enrolment, lan, floods, replays)
_ON_TIME_S = 20.0  # on a busy machine; 0.3 s without load


class Outcome(NamedTuple):
    """why: what did not hold, or "". delay_s: of the honest household's next reading."""

    title: str
    finding: str
    why: str
    seconds: float
    delay_s: float | None


def run(site: Site, short: bool = False, words: Sequence[str] = ()) -> Iterator[Outcome]:
    """The outcome of each attack, as soon as it is known."""
    for attack in chosen(short, words):
        yield _run(site, attack)


def chosen(short: bool = False, words: Sequence[str] = ()) -> list[Attack]:
    of = {module.__name__: i for i, module in enumerate(MODULES)}
    return [
        a
        for a in sorted(ALL, key=lambda a: of[a.run.__module__])
        if (a.short or not short)
        and (not words or any(w.lower() in a.title.lower() for w in words))
    ]


def _run(site: Site, attack: Attack) -> Outcome:
    start = time.monotonic()
    why, delay = "", None
    try:
        attack.run(site)
        delay = well(site)
    except NotHeld as e:
        why = str(e)
    return Outcome(attack.title, attack.finding, why, time.monotonic() - start, delay)


def well(site: Site, patience: float = 60) -> float:
    """How late a reading of the honest household is; NotHeld if the chain has suffered."""
    held(site.cloud.running, f"the Cloud has ended: {site.cloud.last_words()}")
    held(site.concentrator.running, f"the Concentrator has ended: {site.concentrator.last_words()}")
    delay = site.delay_s(patience)
    held(delay is not None, "the honest household's readings no longer arrive")
    assert delay is not None
    held(delay < _ON_TIME_S, f"the honest household's readings are {delay:.0f} s late")
    for path in ("v1/chain", "v1/meters"):
        status, answer = site.call("GET", path, site.honest_key)
        held(status == 200, f"/{path} of the honest household answers {status}: {answer}")
    held(site.call("GET", "metrics", site.admin)[0] == 200, "/metrics does not answer")
    held(site.call("GET", "healthz")[0] == 200, "/healthz does not answer")
    own = [m for m in site.call("GET", "v1/meters", site.honest_key)[1] if m["id"] == METER]
    held(own, "the honest household does not see its meter")
    return delay
