"""France's customer port: frames of groups, each with its own check (Enedis-NOI-CPT_54E)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from . import quantities
from .form import Form, Moment, Values

STX, ETX = b"\x02", b"\x03"


@dataclass(frozen=True)
class Register:
    """A group with a number: label, what it counts, how many digits it has; dated: of when."""

    label: str
    code: str
    digits: int
    dated: bool = False


# Text is written as it is, with {seed} and {date} filled in; HT is between its parts.
Entry = Register | str


def group(content: bytes, standard: bool) -> bytes:
    """LF, content, separator, check, CR."""
    separator = b"\t" if standard else b" "
    total = sum(content + separator if standard else content)
    return b"\n" + content + separator + bytes((0x20 + (total & 0x3F),)) + b"\r"


def frame(contents: list[bytes], standard: bool) -> bytes:
    return STX + b"".join(group(content, standard) for content in contents) + ETX


def date(clock: datetime) -> str:
    """EYYMMDDhhmmss in summer, H in winter."""
    season = "E" if clock.tzname() == "S" else "H"
    return season + clock.strftime("%y%m%d%H%M%S")


@dataclass(frozen=True, kw_only=True)
class TicForm(Form):
    """entries: see Entry; standard: the mode, else it is the historical one."""

    entries: tuple[Entry, ...] = ()
    standard: bool = False

    def contents(self, moment: Moment) -> tuple[list[bytes], Values]:
        """Each group from its label to its value, and the values."""
        values: Values = {}
        contents = []
        at = date(self.clock(moment))
        for entry in self.entries:
            if isinstance(entry, Register):
                count = quantities.mantissa(moment.house, entry.code, 0)
                values[entry.code] = count
                parts = [entry.label, at, f"{count:0{entry.digits}d}"]
                if not entry.dated:
                    del parts[1]
                text = "\t".join(parts)
            else:
                text = entry.format(seed=moment.seed % 10_000_000, date=at)
            contents.append(text.encode("ascii"))
        if not self.standard:
            contents = [content.replace(b"\t", b" ") for content in contents]
        return contents, values

    def encode(self, moment: Moment) -> tuple[bytes, Values, bool]:
        contents, values = self.contents(moment)
        if not self.standard and "1.8.1" in values:
            values["1.8.0"] = sum(v for code, v in values.items() if code.startswith("1.8."))
        return frame(contents, self.standard), values, self.standard
