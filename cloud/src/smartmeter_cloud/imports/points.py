"""What every form of file becomes: points, and the lines that cannot be read."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import NamedTuple, Protocol

from smartmeter_cloud.history.properties import UNITS
from smartmeter_cloud.store.rows import INTERVAL_DRAWN, INTERVAL_FED

NUMBER_MAX = Decimal(10) ** 15  # as ingest takes it
_FACTORS = {
    "Wh": {"Wh": 1, "kWh": 1000, "MWh": 1_000_000},
    "varh": {"varh": 1, "kvarh": 1000},
    "VAh": {"VAh": 1, "kVAh": 1000},
    "W": {"W": 1, "kW": 1000},
    "var": {"var": 1, "kvar": 1000},
    "VA": {"VA": 1, "kVA": 1000},
    "V": {"V": 1},
    "A": {"A": 1},
    "Hz": {"Hz": 1},
}
UNIT_NAMES = {name.lower(): name for factors in _FACTORS.values() for name in factors}


class Unreadable(Exception):
    """Nothing of a file can be imported; one sentence with what to do."""


class Point(NamedTuple):
    """One value. time: ms since 1970 UTC; series: values of the same time and code add up."""

    time: int
    code: str
    value: int | float
    series: str = ""


@dataclass
class Skipped:
    """Lines that cannot be read: how many, and the first few."""

    count: int = 0
    first: list[str] = field(default_factory=list)

    def note(self, line: int, why: str) -> None:
        self.count += 1
        if len(self.first) < 3:
            self.first.append(f"line {line}: {why}")


class Source(Protocol):
    """A file that is read. interval_ms: what each value stretches over; 0 of meter readings."""

    interval_ms: int
    skipped: Skipped

    def points(self) -> Iterator[Point]:
        """Unreadable."""


def unit_of(code: str) -> str:
    """The unit in which a code is stored; "" if it has none."""
    return "Wh" if code in (INTERVAL_DRAWN, INTERVAL_FED) else UNITS.get(code, "")


def factor(code: str, unit: str) -> int:
    """By what a number in that unit is multiplied. Unreadable if it is none of the code's."""
    factors = _FACTORS.get(unit_of(code), {"": 1})
    if unit not in factors:
        known = ", ".join(factors) or "no unit"
        raise Unreadable(f"{code} is measured in {known}, not in {unit!r}; see --unit")
    return factors[unit]


def number(text: str, times: int | Decimal = 1) -> int | float:
    """An exact number, with a point or comma, multiplied. ValueError, with a sentence."""
    plain = text.strip().replace("\N{NO-BREAK SPACE}", "").replace(" ", "").replace("'", "")
    if "," in plain and "." in plain:  # the first of the two groups thousands
        plain = plain.replace("," if plain.index(",") < plain.index(".") else ".", "")
    try:
        if len(plain) > 40:
            raise InvalidOperation
        value = Decimal(plain.replace(",", ".")) * times
        if not value.is_finite() or abs(value) >= NUMBER_MAX:
            raise InvalidOperation
    except InvalidOperation:
        raise ValueError(f"{text[:40]!r} is not a number") from None
    return int(value) if value == value.to_integral_value() else round(float(value), 6)
