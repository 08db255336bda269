"""The subject of a fuzz run: a form's telegrams, the core's readings, and what guards them."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from smartmeter import Fault, Reading, Receiver

from tools.meters import forms
from tools.meters.form import EPOCH, Form, Moment
from tools.meters.household import Household
from tools.meters.iec62056 import IecForm
from tools.meters.p1 import P1Form

from . import sealing

COUNT = 6  # telegrams of each form
BEGIN = datetime(2026, 11, 22, 20, 10, 5, tzinfo=UTC)

TAG, CRC, SUM, NOTHING = "tag", "crc", "sum", "none"

Signature = tuple[object, ...]


@dataclass(frozen=True)
class Original:
    """A telegram as the meter sends it, and the core's events for it."""

    wire: bytes
    moment: Moment
    content: bytes  # without the checks
    signature: Signature


@dataclass(frozen=True)
class Subject:
    """A form with its telegrams. guard: the strongest check over all its bytes.

    "sum" is 8 bits, added or XORed: it misses one damage in some hundreds.
    """

    name: str
    form: Form
    link: str  # as the Receiver calls it
    guard: str
    key: bytes | None
    auth_key: bytes | None
    medium: str
    originals: tuple[Original, ...]

    @property
    def bare(self) -> bool:
        """Whether the form has no framing by which a reader could synchronise within a stream."""
        return self.link == "apdu"

    def receiver(self, link: str | None = None, keys: bool = True) -> Receiver:
        if keys:
            return Receiver(self.key, self.auth_key, link, submeters=True)
        return Receiver(None, None, link, submeters=True)


def alone(events: Iterable[object]) -> list[object]:
    """The events without the sub-meters' readings, which must be those of the main meter's."""
    found: list[object] = []
    due: list[object] = []
    for event in events:
        if due:
            if event is not due.pop(0):
                raise ValueError("a sub-meter's reading is not behind that of its main meter")
            continue
        found.append(event)
        due = list(event.submeters or ()) if isinstance(event, Reading) else []
    if due:
        raise ValueError("a sub-meter's reading is missing")
    return found


def signature(event: object) -> Signature:
    """What two events are compared by; a reading's with those of its sub-meters."""
    if isinstance(event, Reading):
        return (
            "reading",
            event.meter,
            event.time,
            event.counter,
            event.auth,
            event.medium,
            event.channel,
            tuple(signature(submeter) for submeter in event.submeters or ()),
            tuple(sorted(event.values.items())),
            tuple(sorted(event.codes.items())),
            tuple(sorted(event.units.items())),
        )
    assert isinstance(event, Fault), event
    return ("fault", event.kind, event.detail)


def _guard(form: Form) -> str:
    if form.tagged:
        return TAG
    if form.link in ("hdlc", "gbt", "sml", "kmp"):
        return CRC
    if isinstance(form, P1Form):
        return NOTHING if form.checksum == "none" else CRC
    if isinstance(form, IecForm):
        return NOTHING if form.mode == "D" else SUM
    if form.link in ("apdu", "wrapper"):
        return NOTHING
    return SUM


@lru_cache(maxsize=128)
def get(name: str) -> Subject:
    """The Subject of a form; ValueError if the core does not read what the meter sends."""
    base = forms.get(name)
    meter = forms.make(name, Household(seed=11, pv=True))
    form = meter.form
    key = meter.key if form.ciphered else None
    auth_key = meter.auth_key if form.tagged else None
    originals = []
    link = medium = ""
    step = timedelta(seconds=max(1, round(base.interval)))
    for n in range(COUNT):
        now = BEGIN + n * step
        counter = int((now - EPOCH).total_seconds()) if form.ciphered else n + 1
        moment = Moment(
            now,
            meter.household.at(now),
            counter,
            meter.household.seed,
            meter.key,
            meter.auth_key,
        )
        wire = form.encode(moment)[0]
        receiver = Receiver(key, auth_key, submeters=True)
        events = alone(receiver.feed(wire) + receiver.flush())
        if len(events) != 1 or not isinstance(events[0], Reading):
            raise ValueError(f"{name}: the core gives {events} for what the meter sends")
        content = sealing.payload(form, moment)
        if sealing.seal(form, moment, content) != wire:
            raise ValueError(f"{name}: its telegram differs after it was put together again")
        originals.append(Original(wire, moment, content, signature(events[0])))
        link, medium = events[0].layers[0], events[0].medium
    return Subject(name, form, link, _guard(form), key, auth_key, medium, tuple(originals))


def names() -> list[str]:
    """Every form of the virtual meters."""
    return list(forms.FORMS)


def format_of(name: str) -> tuple[object, ...]:
    """Groups forms that take the same path through the core: framing, encryption, layout, guard."""
    form = forms.get(name)
    return (
        type(form).__name__,
        form.link,
        form.ciphered,
        _guard(form),
        getattr(form, "layout", ""),
        getattr(form, "mode", ""),
        getattr(form, "wrap", ""),
    )
