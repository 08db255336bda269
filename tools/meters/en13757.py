"""A polled meter on an M-Bus: REQ_UD2, answered by RSP_UD (EN 13757-2 and -3)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from . import mbus, quantities
from .form import Form, Meter, Moment, Values
from .responder import Answer, Responder

SND_NKE, RSP_UD = 0x40, 0x08
REQ_UD2 = (0x5B, 0x7B)  # with either state of the frame count bit
CI_VARIABLE = 0x72  # variable data structure, long header, least significant byte first
ELECTRICITY, HEAT, WATER = 0x02, 0x04, 0x07  # EN 13757-3, table 6
RESPONSE_MS = 20  # at 2400 Bd: 11 bit times to 330 bit times + 50 ms (EN 13757-2)

DATA_BYTES = {"02": 2, "04": 4, "06": 6, "0a": 2, "0c": 4, "0b": 3, "0e": 6}


@dataclass(frozen=True)
class Record:
    """dif: in hexadecimal with its extensions; vif: the same; exponent: what the VIF scales by."""

    dif: str
    vif: str
    code: str
    exponent: int

    def encode(self, count: int) -> bytes:
        coding = f"{int(self.dif[:2], 16) & 0x0F:02x}"
        size = DATA_BYTES[coding]
        head = bytes.fromhex(self.dif + self.vif)
        if int(coding, 16) & 0x08:  # binary coded decimal, least significant digits first
            digits = str(abs(count)).zfill(2 * size)[-2 * size :]
            return head + bytes.fromhex(digits)[::-1]
        return head + count.to_bytes(size, "little", signed=True)


def type_f(clock: datetime) -> bytes:
    """Date and time of four bytes, type F (EN 13757-3, annex A)."""
    year = clock.year % 100
    summer = 0x80 if clock.utcoffset() == timedelta(hours=2) else 0
    return bytes(
        (
            clock.minute,
            clock.hour | summer,
            clock.day | (year & 0x07) << 5,
            clock.month | (year >> 3) << 4,
        )
    )


def manufacturer_bytes(letters: str) -> bytes:
    """Three letters in fifteen bits (EN 62056-21, FLAG)."""
    a, b, c = (ord(letter) - 64 for letter in letters)
    return (a << 10 | b << 5 | c).to_bytes(2, "little")


@dataclass(frozen=True, kw_only=True)
class PolledForm(Form):
    """A form of meter.

    records: in their order, some in hexadecimal. address: the primary address. maker: three
    letters. kind: its type in EN 13757-3.
    """

    records: tuple[Record | str, ...] = ()
    address: int = 1
    maker: str = "EMH"
    serial: int = 623_702
    kind: int = ELECTRICITY
    with_time: bool = False

    interactive = True

    def encode(self, moment: Moment) -> tuple[bytes, Values, bool]:
        """One RSP_UD."""
        values: Values = {}
        number = str((self.serial + moment.seed) % 100_000_000).zfill(8)
        head = bytes((RSP_UD, self.address, CI_VARIABLE)) + bytes.fromhex(number)[::-1]
        head += manufacturer_bytes(self.maker) + bytes((0, self.kind, moment.counter & 0xFF, 0))
        body = bytes(2)  # no encryption
        if self.with_time:
            body += b"\x04\x6d" + type_f(self.clock(moment))
        for record in self.records:
            if isinstance(record, str):
                body += bytes.fromhex(record)
                continue
            count = quantities.mantissa(moment.house, record.code, record.exponent)
            values[record.code] = quantities.number(count, record.exponent)
            body += record.encode(count)
        return mbus.frame(head + body), values, self.with_time

    def clock(self, moment: Moment) -> datetime:
        return super().clock(moment).replace(second=0)  # type F has none

    def responder(self, meter: Meter) -> Responder:
        return Slave(meter, self.address)


class Slave(Responder):
    """Acknowledges SND_NKE and answers REQ_UD2 at its address, or at 254, which all answer."""

    def __init__(self, meter: Meter, address: int) -> None:
        super().__init__(meter.form.baud)
        self.meter = meter
        self._addresses = (address, 0xFE)
        self._heard = b""

    def received(self, data: bytes, now: datetime) -> list[Answer]:
        self._heard = (self._heard + data)[-64:]
        answers: list[Answer] = []
        while len(self._heard) >= 5:
            start, control, address, total, stop = self._heard[:5]
            if (start, stop) != (0x10, 0x16) or total != (control + address) & 0xFF:
                self._heard = self._heard[1:]
                continue
            self._heard = self._heard[5:]
            if address not in self._addresses:
                continue
            if control == SND_NKE:
                answers.append(Answer(b"\xe5", self.baud, RESPONSE_MS))
            elif control in REQ_UD2:
                wire, truth = self.meter.telegram(now)
                answers.append(Answer(wire, self.baud, RESPONSE_MS, truth))
        return answers

    def due(self, now: datetime) -> list[Answer]:
        return []
