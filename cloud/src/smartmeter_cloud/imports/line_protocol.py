"""InfluxDB's line protocol: `measurement,tag=a field=1.5,other=2i 1465839830100400200`."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from smartmeter.obis import key_of
from smartmeter.texts import is_code

from smartmeter_cloud.imports import text_file
from smartmeter_cloud.imports.points import (
    UNIT_NAMES,
    Point,
    Skipped,
    Unreadable,
    factor,
    number,
    unit_of,
)

PRECISIONS = {"ns": 1_000_000, "us": 1000, "ms": 1, "s": -1000}  # ms: divided, or times -n
_NOW_MAX = 2**62
# A part ends at an unescaped blank, comma or equals sign.
_PART = re.compile(r"((?:[^\\ ,=]|\\.)*)")
_NUMBER = re.compile(r"[-+]?[0-9.]+(?:[eE][-+]?[0-9]+)?[iu]?\Z")


class LineProtocolFile:
    """A Source. fields: the field of each code; tags: which series, all if there are none.

    A field with an OBIS code as its name needs no mention.
    """

    interval_ms = 0

    def __init__(
        self,
        path: Path,
        fields: Mapping[str, str],
        tags: Mapping[str, str],
        unit: str,
        precision: str,
    ) -> None:
        self._path = path
        self._codes = {field: code for code, field in fields.items()}
        self._tags = tags
        self._unit = unit
        self._divisor = PRECISIONS[precision]
        self._series: dict[str, str] = {}
        self.skipped = Skipped()

    def points(self) -> Iterator[Point]:
        known = False
        for line, text in enumerate(text_file.lines(self._path), 1):
            if not text.strip() or text.startswith(("#", "CREATE ", "USE ")):  # influx_inspect
                continue
            try:
                found = self._points_of(text)
            except ValueError as e:
                self.skipped.note(line, str(e))
                continue
            known = known or bool(found)
            yield from found
        if not known and self.skipped.count:
            raise Unreadable(f"{self._path} is not line protocol ({self.skipped.first[0]})")
        if not known:
            raise Unreadable(
                f"{self._path} has no field with a known code; name it, as --column 1.8.0=FIELD "
                "(and --tag NAME=VALUE if several series have it)"
            )

    def _points_of(self, text: str) -> list[Point]:
        """ValueError, with a sentence."""
        measurement, tags, at = _series(text)
        if any(tags.get(name) != value for name, value in self._tags.items()):
            return []
        fields, at = _fields(text, at)
        stamp = text[at:].strip()
        if not stamp.lstrip("-").isdigit() or abs(int(stamp)) > _NOW_MAX:
            raise ValueError("there is no time at its end")
        ms = int(stamp) // self._divisor if self._divisor > 0 else int(stamp) * -self._divisor
        found = []
        for name, value in fields.items():
            code = self._codes.get(name) or ("" if self._codes else _code_in(name))
            if not code:
                continue
            if not _NUMBER.match(value):
                raise ValueError(f"field {name} is not a number")
            series = f"{measurement} {sorted(tags.items())}"
            if self._series.setdefault(code, series) != series:
                raise Unreadable(
                    f"{self._path}: more than one series has {name}; choose one by --tag "
                    f"NAME=VALUE (the first is {series})"
                )
            found.append(
                Point(ms, code, number(value.rstrip("iu"), self._factor(code, measurement)))
            )
        return found

    def _factor(self, code: str, measurement: str) -> int:
        # Home Assistant names a measurement by its unit.
        unit = self._unit or (measurement if measurement.lower() in UNIT_NAMES else unit_of(code))
        return factor(code, UNIT_NAMES.get(unit.lower(), unit))


def _code_in(name: str) -> str:
    code = name.removeprefix("OBIS_")
    return key_of(code) if is_code(code) else ""


def _series(text: str) -> tuple[str, dict[str, str], int]:
    measurement, at = _part(text, 0, keep_equals=True)
    tags = {}
    while text[at : at + 1] == ",":
        name, at = _part(text, at + 1)
        if text[at : at + 1] != "=":
            raise ValueError("a tag has no value")
        tags[name], at = _part(text, at + 1)
    if text[at : at + 1] != " ":
        raise ValueError("there are no fields")
    return measurement, tags, at + 1


def _fields(text: str, at: int) -> tuple[dict[str, str], int]:
    fields = {}
    while True:
        name, at = _part(text, at)
        if not name or text[at : at + 1] != "=":
            raise ValueError("a field has no value")
        at += 1
        if text[at : at + 1] == '"':
            end = at + 1
            while end < len(text) and text[end] != '"':
                end += 2 if text[end] == "\\" else 1
            fields[name], at = text[at : end + 1], end + 1
        else:
            fields[name], at = _part(text, at)
        if text[at : at + 1] != ",":
            return fields, at
        at += 1


def _part(text: str, at: int, keep_equals: bool = False) -> tuple[str, int]:
    found = _PART.match(text, at)
    assert found is not None  # it may be empty
    end = found.end()
    if keep_equals and text[end : end + 1] == "=":
        more, end = _part(text, end + 1, keep_equals=True)
        return f"{_plain(found[1])}={more}", end
    return _plain(found[1]), end


def _plain(text: str) -> str:
    return re.sub(r"\\([ ,=\\])", r"\1", text)
