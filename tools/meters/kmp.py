"""Kamstrup's heat meters on their infrared eye: KMP, asked for registers (GetRegister)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from . import crc, quantities
from .form import Form, Meter, Moment, Values
from .responder import Answer, Responder

TO_METER, FROM_METER, STOP, ESCAPE = 0x80, 0x40, 0x0D, 0x1B
SPECIAL = (0x06, STOP, ESCAPE, FROM_METER, TO_METER)
ADDRESS, GET_REGISTER = 0x3F, 0x10
SERIAL = 1001
NEGATIVE_EXPONENT = 0x40
RESPONSE_MS = 100


@dataclass(frozen=True)
class Register:
    """number: KMP's; code: what it counts; unit: KMP's number of it; exponent: of that unit."""

    number: int
    code: str
    unit: int
    exponent: int
    base: int  # the power of ten of the unit


def frame(start: int, content: bytes) -> bytes:
    """Start byte, content with its CRC and without special bytes, stop byte."""
    content += crc.xmodem(content).to_bytes(2, "big")
    escaped = b"".join(
        bytes((ESCAPE, byte ^ 0xFF)) if byte in SPECIAL else bytes((byte,)) for byte in content
    )
    return bytes((start,)) + escaped + bytes((STOP,))


def unframed(wire: bytes) -> bytes:
    """The content of a frame without its CRC."""
    plain = bytearray()
    escaped = False
    for byte in wire[1:-1]:
        if byte == ESCAPE and not escaped:
            escaped = True
            continue
        plain.append(byte ^ 0xFF if escaped else byte)
        escaped = False
    return bytes(plain[:-2])


@dataclass(frozen=True, kw_only=True)
class KmpForm(Form):
    """registers: those that the meter has; echo: the optical head returns what the reader sends."""

    registers: tuple[Register, ...] = ()
    serial: int = 66_012_000
    echo: bool = False

    interactive = True

    def encode(self, moment: Moment) -> tuple[bytes, Values, bool]:
        """The answer with all registers."""
        return self.answer(moment, [r.number for r in self.registers] + [SERIAL])

    def answer(self, moment: Moment, asked: list[int]) -> tuple[bytes, Values, bool]:
        values: Values = {}
        content = bytes((ADDRESS, GET_REGISTER))
        known = {register.number: register for register in self.registers}
        for number in asked:
            register = known.get(number)
            if register:
                count = quantities.mantissa(
                    moment.house, register.code, register.exponent + register.base
                )
                values[register.code] = quantities.number(count, register.exponent + register.base)
                scale = NEGATIVE_EXPONENT | -register.exponent if register.exponent < 0 else 0
                content += number.to_bytes(2, "big") + bytes((register.unit, 4, scale))
                content += count.to_bytes(4, "big")
            elif number == SERIAL:
                serial = (self.serial + moment.seed).to_bytes(4, "big")
                content += number.to_bytes(2, "big") + bytes((51, 4, 0)) + serial
        return frame(FROM_METER, content), values, False

    def responder(self, meter: Meter) -> Responder:
        return Eye(meter, self.echo)


class Eye(Responder):
    """Answers GetRegister with the registers that the meter has."""

    def __init__(self, meter: Meter, echo: bool) -> None:
        super().__init__(meter.form.baud)
        self.meter = meter
        self._echo = echo
        self._heard = b""

    def received(self, data: bytes, now: datetime) -> list[Answer]:
        self._heard = (self._heard + data)[-128:]
        answers = [Answer(data, self.baud)] if self._echo else []
        while bytes((STOP,)) in self._heard:
            request, _, self._heard = self._heard.partition(bytes((STOP,)))
            start = request.rfind(bytes((TO_METER, ADDRESS, GET_REGISTER)))
            if start >= 0 and frame(TO_METER, unframed(request[start:] + b"\r")) == (
                request[start:] + b"\r"
            ):
                wire, truth = self.meter.telegram(now)
                answers.append(Answer(wire, self.baud, RESPONSE_MS, truth))
        return answers

    def due(self, now: datetime) -> list[Answer]:
        return []
