"""AMIS meters (Siemens/Landis+Gyr TD-351x): an M-Bus master that pushes to a reader.

The meter looks for a listener with SND_NKE every minute; answered E5 it sends its values every
second, and goes back to looking after ten telegrams without E5.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from . import mbus, quantities
from .form import Form, Meter, Moment, Values
from .responder import Answer, Responder

LISTENER = 0xF0  # primary address 240
SND_NKE, SND_UD, FCB = 0x40, 0x53, 0x20
ACKNOWLEDGE = b"\xe5"
CI = 0x5B
MANUFACTURER, IDENTITY, VERSION, MEDIUM = b"\x2d\x4c", bytes(4), b"\x01", b"\x0e"
CONFIGURATION = b"\x50\x05"  # mode 5 (AES-128-CBC), five blocks
FILLER = b"\x2f\x2f"
SEARCH = timedelta(seconds=60)
MISSING_MOST = 10

# DIF and VIF of each record in their order (EN 13757-3), what it says, and what it is called;
# the reactive totals, of all tariffs, carry the number of tariff 1
RECORDS = (
    ("0403", "1.8.0", "1.8.0"),
    ("04833c", "2.8.0", "2.8.0"),
    ("8410fb8273", "3.8.0", "3.8.1"),
    ("8410fb82f33c", "4.8.0", "4.8.1"),
    ("042b", "1.7.0", "1.7.0"),
    ("04ab3c", "2.7.0", "2.7.0"),
    ("04fb14", "3.7.0", "3.7.0"),
    ("04fb943c", "4.7.0", "4.7.0"),
)
BALANCE = "0483ff04"  # 1.128.0, a signed balance that this meter leaves at 0


def type_i(clock: datetime) -> bytes:
    """Date and time of six bytes, type I (EN 13757-3, annex A): with week and daylight saving."""
    year = clock.year % 100
    week = clock.isocalendar().week
    leap = clock.year % 4 == 0
    return bytes(
        (
            clock.second | (0x40 if clock.utcoffset() == timedelta(hours=2) else 0) | leap << 7,
            clock.minute,
            clock.hour | clock.isoweekday() << 5,
            clock.day | (year & 0x07) << 5,
            clock.month | (year >> 3) << 4,
            week,
        )
    )


@dataclass(frozen=True, kw_only=True)
class AmisForm(Form):
    """echo: the meter receives the reader's acknowledgement again from the optical head."""

    echo: bool = False

    interactive = True

    @property
    def ciphered(self) -> bool:
        return True

    def encode(self, moment: Moment) -> tuple[bytes, Values, bool]:
        """One SND_UD of 101 bytes."""
        values: Values = {}
        plain = FILLER + b"\x06\x6d" + type_i(self.clock(moment))
        for record, code, name in RECORDS:
            count = quantities.mantissa(moment.house, code, 0)
            values[name] = count
            plain += bytes.fromhex(record) + count.to_bytes(4, "little")
        plain += bytes.fromhex(BALANCE) + bytes(4) + FILLER
        access = moment.counter & 0xFF
        iv = MANUFACTURER + IDENTITY + VERSION + MEDIUM + bytes((access,)) * 8
        encryptor = Cipher(algorithms.AES(moment.key), modes.CBC(iv)).encryptor()
        text = encryptor.update(plain) + encryptor.finalize()
        control = SND_UD | (FCB if moment.counter & 1 else 0)
        head = bytes((control, LISTENER, CI)) + IDENTITY + MANUFACTURER + VERSION + MEDIUM
        wire = mbus.frame(head + bytes((access, 0)) + CONFIGURATION + text)
        return wire, values, True

    def responder(self, meter: Meter) -> Responder:
        return Master(meter, self.echo)


class Master(Responder):
    """The meter's side: search, push, count unanswered telegrams."""

    def __init__(self, meter: Meter, echo: bool) -> None:
        super().__init__(meter.form.baud)
        self.meter = meter
        self._echo = echo
        self._found = False
        self._missing = 0
        self._next: datetime | None = None

    def received(self, data: bytes, now: datetime) -> list[Answer]:
        if ACKNOWLEDGE in data:
            self._missing = 0
            if not self._found:
                self._found = True
                self._next = now + timedelta(seconds=self.meter.form.interval)
        return [Answer(data, self.baud)] if self._echo else []

    def due(self, now: datetime) -> list[Answer]:
        if self._next is not None and now < self._next:
            return []
        if self._missing >= MISSING_MOST:
            self._found, self._missing = False, 0
        if not self._found:
            self._next = now + SEARCH
            return [Answer(mbus.short(SND_NKE, LISTENER), self.baud)]
        self._next = now + timedelta(seconds=self.meter.form.interval)
        self._missing += 1
        wire, truth = self.meter.telegram(now)
        return [Answer(wire, self.baud, 0, truth)]
