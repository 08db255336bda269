"""Runs one mutant again and explains it."""

from smartmeter import Reading
from smartmeter.wire.reading_encoder import to_json

from . import campaign
from .cpu_limit import CpuLimit
from .subject import get
from .tally import Tally


def show(form: str, name: str, seed: int, number: int) -> int:
    """Prints the input in its pieces, each event, and the verdict; returns 1 if it fails."""
    subject = get(form)
    print(f"{form}: link {subject.link}, guard {subject.guard}")
    for title, key in (("test key", subject.key), ("its authentication key", subject.auth_key)):
        if key:
            print(f"{title} {key.hex()}")
    campaign.onlookers.append(_print)
    tally = Tally()
    campaign.one(subject, name, seed, number, tally, CpuLimit())
    for sentence in tally.violations:
        print(f"FAILS: {sentence.partition(': python')[0]}")
    if not tally.violations:
        print("holds")
    return 1 if tally.violations else 0


def _print(parts: list[bytes], events: list[object]) -> None:
    sizes = ", ".join(str(len(part)) for part in parts)
    print(f"\nfed in pieces of {sizes}:\n{b''.join(parts).hex()}")
    for event in events:
        if isinstance(event, Reading):
            print(f"  {event!r} {to_json(event, event.values)}")
        else:
            print(f"  {event!r}")
