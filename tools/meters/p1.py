"""P1 telegrams and similar: OBIS data lines as text (DSMR 5.0.2 P1, 6.2), plain or encrypted."""

from __future__ import annotations

from dataclasses import dataclass

from . import ciphering, clock, crc, quantities
from .form import Form, Moment, Values

# a unit's text -> how many powers of ten it is above the base unit
UNITS = {
    **dict.fromkeys(("Wh", "W", "varh", "var", "VAr", "VArh", "V", "A", "Hz", "VA"), 0),
    **dict.fromkeys(("kWh", "kW", "kvarh", "kvar", "kVArh", "kVAr", "kVA"), 3),
    **dict.fromkeys(("m3", "m3ph", "h"), 0),
    "GJ": 9,
    "": 0,
}
_OF_HEAT = ("GJ", "m3", "m3ph", "h")


@dataclass(frozen=True)
class Line:
    """A data line with a quantity: "1-0:1.8.1(004426.123*kWh)".

    code: as it is written, with or without "A-B:"; digits: before the point, 0: as many as there
    are; decimals: behind it; unit: a text of UNITS; comma: a decimal comma; signed: a sign.
    """

    code: str
    digits: int
    decimals: int
    unit: str
    comma: bool = False

    @property
    def key(self) -> str:
        """C.D.E of the code, however it is written; a heat meter's in full, with 6-0."""
        parts = self.code.split(":")[-1].split("*")[0].split(".")
        key = ".".join((*parts, "0")[:3])
        return f"6-0:{key}" if self.unit in _OF_HEAT else key

    @property
    def exponent(self) -> int:
        return UNITS[self.unit] - self.decimals

    def text(self, count: int) -> str:
        """The line for a count of 10^exponent."""
        size = str(abs(count)).zfill(self.digits + self.decimals or 1).zfill(self.decimals + 1)
        if self.decimals:
            point = "," if self.comma else "."
            size = size[: -self.decimals] + point + size[-self.decimals :]
        sign = "-" if count < 0 else ""
        unit = f"*{self.unit}" if self.unit else ""
        return f"{self.code}({sign}{size}{unit})"


Entry = Line | str  # text is written as it is, with {clock}, {seed}, {hex} and {minute} filled in


def fill(text: str, moment: Moment, at: str, quarter: str) -> str:
    """A line of text, with placeholders for the moment and the meter."""
    seed = moment.seed % 10_000_000
    return text.format(
        clock=at,
        quarter=quarter,
        seed=seed,
        hex=f"E{seed:016d}".encode("ascii").hex().upper(),
    )


@dataclass(frozen=True, kw_only=True)
class P1Form(Form):
    """/ident, a blank line, data lines, !CRC.

    lines: see Line; checksum: "upper", "lower", "unpadded" or "none"; crlf False: a reader in
    between has taken the carriage returns out (the CRC is of the text with them).
    wrap: "" plain; "general" the whole text in a general-glo APDU (Luxembourg, Steiermark);
    "block" the lines behind a plain identification, in an APDU without its tag and without system
    title (Poland), whose counter stays 0; trailer: that form's "!CRC", of the plain text, is behind
    the APDU unencrypted.
    """

    ident: str = "ISK5\\2MT382-1000"
    lines: tuple[Entry, ...] = ()
    checksum: str = "upper"
    crlf: bool = True
    timed: bool = True
    noise: bytes = b""
    wrap: str = ""
    system_title: bytes = b""
    security: int = 0x30
    trailer: bool = True
    clock_text: str = "p1"

    @property
    def ciphered(self) -> bool:
        return bool(self.wrap)

    @property
    def tagged(self) -> bool:
        return self.ciphered and bool(self.security & ciphering.AUTHENTICATED)

    @property
    def zoned(self) -> bool:
        return self.clock_text == "p1"

    def data_lines(self, moment: Moment) -> tuple[list[str], Values]:
        values: Values = {}
        now = self.clock(moment)
        at = clock.p1(now) if self.clock_text == "p1" else now.strftime(self.clock_text)
        past = now.replace(minute=now.minute // 15 * 15, second=0)
        written = []
        for line in self.lines:
            if isinstance(line, str):
                written.append(fill(line, moment, at, clock.p1(past)))
                continue
            count = quantities.mantissa(moment.house, line.key, line.exponent)
            values[line.key] = quantities.number(count, line.exponent)
            written.append(line.text(count))
        return written, values

    def encode(self, moment: Moment) -> tuple[bytes, Values, bool]:
        lines, values = self.data_lines(moment)
        head = f"/{self.ident}\r\n\r\n"
        body = "".join(line + "\r\n" for line in lines)
        text = head + body + "!"
        close = "!" + self._sum(text) + "\r\n"
        if self.wrap == "general":
            title = self.system_title + (moment.seed & 0xFFFFFF).to_bytes(3, "big")
            sealed = ciphering.protect(
                (head + body + close).encode("ascii"),
                self.security,
                moment.counter,
                title,
                moment.key,
                moment.auth_key,
            )
            return ciphering.general(title, sealed, ber="82"), values, self.timed
        if self.wrap == "block":
            plain = body if self.trailer else body + close
            sealed = ciphering.protect(
                plain.encode("ascii"), self.security, 0, b"", moment.key, moment.auth_key
            )
            block = ciphering.general(b"", sealed, ber="82")[1:]
            tail = close.encode("ascii") if self.trailer else b""
            return head.encode("ascii") + block + tail, values, self.timed
        wire = (head + body + close).encode("ascii")
        if not self.crlf:
            wire = wire.replace(b"\r\n", b"\n")
        return self.noise + wire, values, self.timed

    def _sum(self, text: str) -> str:
        value = crc.arc(text.encode("ascii"))
        return {
            "upper": f"{value:04X}",
            "lower": f"{value:04x}",
            "unpadded": f"{value:X}",
            "none": "",
        }[self.checksum]
