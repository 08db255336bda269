"""IEC 62056-21 meters: pushed data (mode D), and the sign-on of modes A and C with a readout."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import reduce
from operator import xor

from . import quantities
from .form import Form, Meter, Moment, Values
from .p1 import Entry, Line, fill
from .responder import Answer, Responder

STX, ETX, ACK = b"\x02", b"\x03", b"\x06"
BAUDS = {"0": 300, "1": 600, "2": 1200, "3": 2400, "4": 4800, "5": 9600, "6": 19200}  # 6.3.14
REACTION_MS = 200  # the least a meter waits before it answers (clause 6.5: 200 to 1500 ms)
PATIENCE = timedelta(seconds=1.5)  # how long mode C waits for an acknowledgement


@dataclass(frozen=True, kw_only=True)
class IecForm(Form):
    """Data sets as text.

    mode: "D" pushes ident and data; "A" answers a sign-on with both at the first rate; "C" lets
    the reader change the rate first, to that of the digit `rate`.
    per_line: data sets in each line; end_on_last: "!" ends the last data line instead of having
    a line of its own; echo: the optical head returns what the reader sends; address: answers
    only to it, or to none; clock_text: how the time is written.
    """

    mode: str = "D"
    rate: str = "5"
    ident: str = "LGZ"
    lines: tuple[Entry, ...] = ()
    per_line: int = 1
    end_on_last: bool = False
    leading: bytes = b""
    echo: bool = False
    address: str = ""
    timed: bool = False

    @property
    def interactive(self) -> bool:  # type: ignore[override]
        return self.mode != "D"

    @property
    def zoned(self) -> bool:
        return False

    def identification(self) -> bytes:
        """/XXXZ ident; Z is the rate that mode C may change to."""
        z = {"A": "@", "C": self.rate, "D": self.rate}[self.mode]
        return f"/{self.ident[:3]}{z}{self.ident[3:]}\r\n".encode("ascii")

    def data(self, moment: Moment) -> tuple[bytes, Values]:
        """The data lines with their "!"."""
        values: Values = {}
        now = self.clock(moment)
        written = []
        for line in self.lines:
            if isinstance(line, Line):
                count = quantities.mantissa(moment.house, line.key, line.exponent)
                values[line.key] = quantities.number(count, line.exponent)
                written.append(line.text(count))
            else:
                written.append(fill(now.strftime(line), moment, "", ""))
        rows = [
            "".join(written[at : at + self.per_line])
            for at in range(0, len(written), self.per_line)
        ]
        text = "\r\n".join(rows) + ("!\r\n" if self.end_on_last else "\r\n!\r\n")
        return text.encode("ascii"), values

    def encode(self, moment: Moment) -> tuple[bytes, Values, bool]:
        """Mode D: the whole telegram. A and C: the readout STX ... ETX BCC (clause 6.3)."""
        data, values = self.data(moment)
        if self.mode == "D":
            wire = self.leading + self.identification() + b"\r\n" + data
            return wire, values, self.timed
        body = data + ETX
        return STX + body + bytes((reduce(xor, body),)), values, self.timed

    def responder(self, meter: Meter) -> Responder:
        return Readout(meter, self)


class Readout(Responder):
    """Signs on at the form's rate, waits for the acknowledgement of mode C, and reads out."""

    def __init__(self, meter: Meter, form: IecForm) -> None:
        super().__init__(meter.form.baud)
        self.meter = meter
        self.form = form
        self._heard = b""
        self._until: datetime | None = None  # the acknowledgement must come before

    def received(self, data: bytes, now: datetime) -> list[Answer]:
        answers = [Answer(data, self.baud)] if self.form.echo else []
        self._heard = (self._heard + bytes(byte & 0x7F for byte in data))[-64:]
        while b"\n" in self._heard:
            line, self._heard = self._heard.split(b"\n", 1)
            answers += self._line(line.rstrip(b"\r"), now)
        return answers

    def _line(self, line: bytes, now: datetime) -> list[Answer]:
        request = line[line.rfind(b"/") :] if b"/" in line else b""
        if request in (b"/?!", b"/?" + self.form.address.encode("ascii") + b"!"):
            hello = Answer(self.form.identification(), self.form.baud, REACTION_MS)
            if self.form.mode == "A":
                return [hello, self._readout(self.form.baud, now)]
            self._until = now + PATIENCE
            return [hello]
        acknowledged = line[line.rfind(ACK) :] if ACK in line else b""
        if self._until is not None and len(acknowledged) == 4:
            z, y = chr(acknowledged[2]), chr(acknowledged[3])
            self._until = None
            if y == "0" and z in ("0", self.form.rate):
                return [self._readout(BAUDS[z], now)]
        return []

    def due(self, now: datetime) -> list[Answer]:
        if self._until is not None and now > self._until:  # no answer: as mode A (6.4.3)
            self._until = None
            return [self._readout(self.form.baud, now)]
        return []

    def _readout(self, baud: int, now: datetime) -> Answer:
        wire, truth = self.meter.telegram(now)
        return Answer(wire, baud, REACTION_MS, truth)
