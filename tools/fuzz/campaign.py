"""The campaigns: each makes mutant number n of a form from the seed, feeds it, and judges.

outer    damages the wire bytes: a fresh Receiver, its link given or detected, any chunking
inner    damages the content and adds valid checks: the parser itself; a Receiver that knows the
         meter (and keeps its list's plan) must give the same result as a fresh one
stream   a damaged telegram between good ones in one stream: the good ones must be read
garbage  bytes that are not telegrams, of any length: no reading, at most 4 kB kept, and a good
         telegram after them is read

Everything follows from (form, campaign, seed, number), so that a finding can be seen again.
"""

from collections.abc import Callable
from random import Random

from smartmeter import FAULTS, Fault, Reading, Receiver

from . import garbage
from .cpu_limit import CpuLimit, Hang
from .frames import checked
from .mutation import mutate, pieces
from .sealing import seal
from .subject import CRC, NOTHING, SUM, Signature, Subject, alone, get, signature
from .tally import Tally

HELD_MOST = 4096  # bytes that a stream of garbage of any length may make a receiver keep

MANY = 8  # pieces; byte by byte is not a measure of how long a telegram takes

Events = list[object]


def run(form: str, name: str, seed: int, first: int, count: int, alarm: bool = True) -> Tally:
    """Mutants first to first + count - 1 of a campaign on a form."""
    subject = get(form)
    tally = Tally()
    cpu_limit = CpuLimit(alarm)
    for number in range(first, first + count):
        if subject.name in _spoiled:
            break
        one(subject, name, seed, number, tally, cpu_limit)
    return tally


_LOOK = 8  # mutants after which a good telegram is tried
_spoiled: set[str] = set()  # forms whose good telegrams this process no longer reads


def one(
    subject: Subject, name: str, seed: int, number: int, tally: Tally, cpu_limit: CpuLimit
) -> None:
    """Run one mutant of a campaign, and count the verdict in tally."""
    tally.mutants += 1
    rng = Random(f"{seed} {subject.name} {name} {number}")  # noqa: S311 - repeatable, not secret
    again = f"python -m tools.fuzz --again {subject.name} {name} {seed} {number}"
    try:
        _CAMPAIGNS[name](subject, rng, tally, cpu_limit, number, again)
    except Hang:
        tally.hangs += 1
        tally.violated(f"does not finish: {again}")
    except Exception as e:
        tally.exceptions[type(e).__name__] += 1
        tally.violated(f"{type(e).__name__} ({e}): {again}")
    if (onlookers or number % _LOOK == 0) and not _still_read(subject):
        _spoiled.add(subject.name)
        tally.violated(
            f"after it, or one of the {_LOOK} before, nothing reads the good telegram: {again}"
        )


def _still_read(subject: Subject) -> bool:
    """Whether damaged telegrams left no state behind that changes how others are read."""
    original = subject.originals[-1]
    receiver = subject.receiver()
    events = alone(receiver.feed(original.wire) + receiver.flush())
    return [signature(event) for event in events] == [original.signature]


# A listener for the input and its events (again.py).
onlookers: list[Callable[[list[bytes], Events], None]] = []


def _feed(receiver: Receiver, parts: list[bytes]) -> Events:
    events: Events = []
    for part in parts:
        events += receiver.feed(part)
    events += receiver.flush()
    for onlooker in onlookers:
        onlooker(parts, events)
    return alone(events)


def _sound(events: Events, tally: Tally, again: str) -> list[Signature]:
    """The signatures of events, each of which is a Reading or a Fault of a known kind."""
    found = []
    for event in events:
        if isinstance(event, Fault):
            if event.kind not in FAULTS or not event.detail:
                tally.violated(f"a fault of kind {event.kind!r}, {event.detail!r}: {again}")
        elif not isinstance(event, Reading):
            tally.violated(f"an event {type(event).__name__}: {again}")
            continue
        elif not event.values:
            tally.violated(f"a reading without values: {again}")
        found.append(signature(event))
    return found


def _readings(signatures: list[Signature]) -> list[Signature]:
    return [s for s in signatures if s[0] == "reading"]


def mutant(subject: Subject, rng: Random) -> tuple[bytes, int]:
    """A damaged wire and the number of its telegram."""
    at = rng.randrange(len(subject.originals) - 1)
    return mutate(rng, subject.originals[at].wire, subject.originals[at + 1].wire), at


def inner_mutant(subject: Subject, rng: Random) -> tuple[bytes | None, int]:
    """A wire of damaged content with valid checks, and the number of its telegram."""
    at = rng.randrange(len(subject.originals) - 1)
    original = subject.originals[at]
    content = mutate(rng, original.content, subject.originals[at + 1].content)
    return seal(subject.form, original.moment, content), at


def _outer(
    subject: Subject, rng: Random, tally: Tally, cpu_limit: CpuLimit, number: int, again: str
) -> None:
    wire, _ = mutant(subject, rng)
    link = rng.choice((None, subject.link))
    keys = rng.random() < 0.95
    parts = pieces(rng, wire)
    receiver = subject.receiver(link, keys)
    events, seconds = cpu_limit(lambda: _feed(receiver, parts))
    if len(parts) <= MANY:
        tally.took(seconds, number)
    found = _sound(events, tally, again)
    _judge(subject, wire, found, tally, again)
    if len(parts) > 1:
        whole = _feed(subject.receiver(link, keys), [wire])
        if [signature(event) for event in whole] != found:
            tally.violated(f"fed at once it gives other events than in pieces: {again}")


def _judge(subject: Subject, wire: bytes, found: list[Signature], tally: Tally, again: str) -> None:
    readings = _readings(found)
    if not readings:
        tally.rejected += 1
        return
    known = {original.signature for original in subject.originals}
    different = [reading for reading in readings if reading not in known]
    if not different:
        tally.same += 1
        return
    if subject.guard in (SUM, NOTHING):
        tally.different += 1
        if any(reading[4] != "none" for reading in different):
            tally.violated(f"damaged, unguarded, but marked as authenticated: {again}")
        return
    if subject.guard == CRC and _by_chance(subject, wire):
        tally.chance += 1
        return
    tally.different += 1
    tally.violated(f"a different reading under a valid-looking {subject.guard}: {again}")


def _by_chance(subject: Subject, wire: bytes) -> bool:
    """Whether a CRC matches by chance, or the checked pieces of two telegrams are combined."""
    sources = [checked(subject.link, original.wire) for original in subject.originals]
    have = checked(subject.link, wire)
    return bool(have) and not any(have <= source for source in sources)


def _inner(
    subject: Subject, rng: Random, tally: Tally, cpu_limit: CpuLimit, number: int, again: str
) -> None:
    wire, at = inner_mutant(subject, rng)
    if wire is None:  # longer than the form can carry
        tally.rejected += 1
        return
    fresh = subject.receiver()
    events, seconds = cpu_limit(lambda: _feed(fresh, [wire]))
    tally.took(seconds, number)
    found = _sound(events, tally, again)
    readings = _readings(found)
    if not readings:
        tally.rejected += 1
    elif all(reading == subject.originals[at].signature for reading in readings):
        tally.same += 1
    else:
        tally.different += 1
    if number % 2:
        return
    knowing = subject.receiver()
    _feed(knowing, [subject.originals[0].wire])
    knowing.counters.clear()
    # The faults may differ: after framing was seen, bare telegrams are no longer searched for.
    known = _readings([signature(event) for event in _feed(knowing, [wire])])
    # A P1 meter that has sent CRCs is refused without one, as a "!" in its lines makes it look.
    if known != readings and (known or subject.link != "p1"):
        tally.violated(f"a receiver that knows the meter gives other events: {again}")


def _stream(
    subject: Subject, rng: Random, tally: Tally, cpu_limit: CpuLimit, number: int, again: str
) -> None:
    before, damaged, behind = subject.originals[0], subject.originals[2], subject.originals[4]
    bad = mutate(rng, damaged.wire, subject.originals[3].wire)
    pause = subject.bare or rng.random() < 0.25
    receiver = subject.receiver(rng.choice((None, subject.link)))
    streams = [before.wire, bad, behind.wire] if pause else [before.wire + bad + behind.wire]
    parts = [pieces(rng, stream) for stream in streams]
    events, seconds = cpu_limit(lambda: [event for p in parts for event in _feed(receiver, p)])
    if all(len(p) <= MANY for p in parts):
        tally.took(seconds, number)
    readings = _readings(_sound(events, tally, again))
    tally.same += damaged.signature in readings
    tally.rejected += damaged.signature not in readings
    if before.signature not in readings:
        tally.violated(f"the good telegram before it is lost: {again}")
    if behind.signature in readings:
        return
    known = {original.signature for original in subject.originals}
    if subject.guard == NOTHING or any(reading not in known for reading in readings):
        tally.chance += 1  # unguarded data may be taken for more than it was
        return
    tally.violated(f"the good telegram after it is lost: {again}")


def _garbage(
    subject: Subject, rng: Random, tally: Tally, cpu_limit: CpuLimit, number: int, again: str
) -> None:
    receiver = subject.receiver(rng.choice((None, subject.link)))
    noise = garbage.make(rng, [original.wire for original in subject.originals])
    found: list[Signature] = []
    for at in range(0, len(noise), 256):
        events, seconds = cpu_limit(lambda at=at: receiver.feed(noise[at : at + 256]))  # type: ignore[misc]
        tally.took(seconds, number)
        found += _sound(alone(events), tally, again)
        held = garbage.held(receiver)
        tally.held = max(tally.held, held)
        if held > HELD_MOST:
            tally.violated(f"{held} bytes are kept: {again}")
            break
    readings = _readings(found)
    if subject.guard != NOTHING and readings:
        tally.different += 1
        tally.violated(f"a reading out of garbage: {again}")
    else:
        tally.rejected += 1
    if subject.bare:
        receiver.flush()
    good = [subject.originals[0], subject.originals[1]]
    events = _feed(receiver, [original.wire for original in good])
    readings = _readings([signature(event) for event in events])
    if good[1].signature not in readings:
        tally.violated(f"a good telegram after garbage is lost: {again}")


_CAMPAIGNS: dict[str, Callable[[Subject, Random, Tally, CpuLimit, int, str], None]] = {
    "outer": _outer,
    "inner": _inner,
    "stream": _stream,
    "garbage": _garbage,
}
NAMES = tuple(_CAMPAIGNS)
