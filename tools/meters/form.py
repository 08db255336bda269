"""Common fields of every form of meter: a name, a line, keys, and one way to make a telegram."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import ClassVar

from . import clock
from .household import Household, Snapshot
from .responder import Responder

EPOCH = datetime(2020, 1, 1, tzinfo=UTC)  # the invocation counters count seconds from here

Number = int | float
Values = dict[str, Number]


@dataclass(frozen=True)
class Moment:
    """The input of one telegram."""

    now: datetime  # aware
    house: Snapshot
    counter: int
    seed: int
    key: bytes
    auth_key: bytes


@dataclass(frozen=True, kw_only=True)
class Form(ABC):
    """One meter's format. The fields are the options of `forms.make`.

    frame: data bits, parity, stop bits; interval: seconds between telegrams; inverted: the port's
    idle level is the other way round; zone: its place's, in the IANA database; summer_time False:
    its clock keeps standard time all year;
    parity_bits: a meter of seven data bits as a UART set to 8N1 hears it.
    """

    name: str
    about: str
    link: str
    baud: int
    frame: str = "8N1"
    interval: float = 5.0
    inverted: bool = False
    summer_time: bool = True
    parity_bits: bool = False
    zone: str = "Europe/Vienna"

    interactive: ClassVar[bool] = False  # answers a reader instead of pushing

    @property
    def ciphered(self) -> bool:
        return False

    @property
    def tagged(self) -> bool:
        return False

    @property
    def zoned(self) -> bool:
        """Whether its time has an offset from UTC; otherwise a reader must know it."""
        return True

    @abstractmethod
    def encode(self, moment: Moment) -> tuple[bytes, Values, bool]:
        """The wire bytes, the values by "C.D.E", and whether the telegram contains its time."""

    def responder(self, meter: Meter) -> Responder:
        """The meter's side of the conversation, for an interactive form."""
        raise ValueError(f"{self.name} only pushes and never answers")

    def clock(self, moment: Moment) -> datetime:
        return clock.local(moment.now, self.zone, self.summer_time)


class Meter:
    """A meter of a form in a household; it counts its telegrams."""

    def __init__(
        self,
        form: Form,
        household: Household,
        key: bytes,
        auth_key: bytes,
        counter: int | None = None,
    ) -> None:
        """counter: the first invocation counter; None: seconds since 2020, so it grows over
        restarts. A form that is not encrypted counts from 1."""
        self.form = form
        self.household = household
        self.key = key
        self.auth_key = auth_key
        self._from_time = counter is None and form.ciphered
        self._next = counter if counter is not None else 0 if form.ciphered else 1

    def telegram(self, now: datetime) -> tuple[bytes, dict[str, object]]:
        """One telegram's bytes and its truth: {"seq", "time", "values"}.

        now: aware. time: RFC 3339 text or None; values: {"C.D.E": number in W, Wh, V ...}.
        """
        counter = self._next
        if self._from_time:
            counter = max(counter, (now - EPOCH).days * 86400 + (now - EPOCH).seconds)
        self._next = counter + 1
        moment = Moment(
            now, self.household.at(now), counter, self.household.seed, self.key, self.auth_key
        )
        wire, values, timed = self.form.encode(moment)
        if self.form.parity_bits:
            wire = with_parity(wire)
        time = self.form.clock(moment).isoformat() if timed else None
        return wire, {"seq": counter, "time": time, "values": values}


def with_parity(wire: bytes) -> bytes:
    """Seven-bit characters with their even parity bit on top."""
    return bytes(byte | (byte.bit_count() & 1) << 7 for byte in wire)
