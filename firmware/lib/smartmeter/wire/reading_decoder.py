"""Reads readings from the wire: their JSON form, checked to the last character."""

import json

from ..obis import key_of, unit_of
from ..reading import ELECTRICITY, MEDIA, NONE, UNVERIFIED, VERIFIED, Reading
from ..texts import is_code, is_time, parse_decimal

TYPE_CHECKING = False  # what follows is for mypy; a device has no typing
if TYPE_CHECKING:
    from typing import Any

_AUTH = (VERIFIED, UNVERIFIED, NONE)
_CLOCKS = ("meter", "adapter")
_VALUES_MAX = 256  # of one reading; the longest list known has about 60
_TEXT_MAX = 16384
UNIT_MAX = 16
TEXT_MAX = 1024  # characters of a text, as of P1's message (DSMR 5.0.2 P1)


def from_json(text: str | bytes) -> Reading:
    """The Reading in a message (str or bytes); ValueError with one sentence if there is none.

    A message has a time, a seq and at least one value: what they lack cannot be stored.
    The wire does not carry meter, channel, counter and codes. Units are those
    of the codes, except where the message names them.
    """
    if len(text) > _TEXT_MAX:
        raise ValueError("a reading is at most %d characters" % _TEXT_MAX)
    try:
        document = _loads(text if isinstance(text, str) else str(bytes(text), "utf-8"))
    except (ValueError, RuntimeError, MemoryError):  # RuntimeError: nested too deep
        raise ValueError("a reading is one JSON object")
    if not isinstance(document, dict):
        raise ValueError("a reading is one JSON object")
    reading = Reading()
    if not is_time(document.get("time")):
        raise ValueError("a reading's time is RFC 3339 text with seconds and offset")
    reading.time = document["time"]
    if document.get("clock") not in _CLOCKS:
        raise ValueError('a reading\'s clock is "meter" or "adapter"')
    reading.clock = document["clock"]
    seq = document.get("seq")
    if not isinstance(seq, _Number) or seq.value[1] or not 0 <= seq.value[0] < 1 << 63:
        raise ValueError("a reading's seq is a whole number from 0 to 2^63 - 1")
    reading.seq = seq.value[0]
    if document.get("auth") not in _AUTH:
        raise ValueError("a reading's auth is one of " + ", ".join(_AUTH))
    reading.auth = document["auth"]
    ratio = document.get("ratio")
    if ratio is not None:
        if not isinstance(ratio, _Number) or ratio.value[1] or ratio.value[0] < 1:
            raise ValueError("a reading's ratio is a whole number from 1 on")
        reading.ratio = ratio.value[0]
    reading.medium = document.get("medium", ELECTRICITY)
    if reading.medium not in MEDIA:
        raise ValueError("a reading's medium is one of " + ", ".join(MEDIA))
    units = document.get("units", {})
    if not isinstance(units, dict):
        raise ValueError("a reading's units are an object of texts")
    values = document.get("values")
    if not isinstance(values, dict) or not 0 < len(values) <= _VALUES_MAX:
        raise ValueError("a reading's values are an object of 1 to %d numbers" % _VALUES_MAX)
    for code, number in values.items():
        if not is_code(code):
            raise ValueError("a value's name is an OBIS code such as 1.8.0")
        if not isinstance(number, _Number):
            raise ValueError("a value is a decimal number")
        reading.values[code] = number.value
        unit = units.get(code, unit_of_key(code))
        if not isinstance(unit, str) or len(unit) > UNIT_MAX:
            raise ValueError("a unit is a text of at most %d characters" % UNIT_MAX)
        reading.units[code] = unit
    return reading


class _Number:
    """A number of a JSON text, kept exact."""

    __slots__ = ("value",)

    def __init__(self, text: str) -> None:
        self.value = parse_decimal(text)


def _refuse(name: str) -> object:
    raise ValueError(name)


def _loads_by_hooks(text: str) -> object:
    return json.loads(  # type: ignore[call-arg,unused-ignore]
        text, parse_int=_Number, parse_float=_Number, parse_constant=_refuse
    )


_MARK = "#"


def _loads_quoting(text: str) -> object:
    """The same where json.loads has no hooks: numbers go through it as marked strings.

    MicroPython's takes a text that ends within its brackets, too; so these are counted.
    """
    out = []
    depth = 0
    i = 0
    n = len(text)
    while i < n:
        c = text[i]
        j = i + 1
        if c == '"':
            while j < n and text[j] != '"':
                j += 2 if text[j] == "\\" else 1
            j += 1
            if text[i + 1 : i + 2] == _MARK:
                raise ValueError("a string that would pass for a number")
            out.append(text[i:j])
        elif c in "-0123456789":
            while j < n and text[j] in "+-.eE0123456789":
                j += 1
            out.append('"' + _MARK + text[i:j] + '"')
        else:
            depth += (c in "{[") - (c in "}]")
            out.append(c)
        i = j
    if depth:
        raise ValueError("brackets that do not pair")
    return _marked(json.loads("".join(out)))


def _marked(node: object) -> object:
    if isinstance(node, dict):
        return {k: _marked(v) for k, v in node.items()}
    if isinstance(node, list):
        return [_marked(v) for v in node]
    if isinstance(node, str) and node[:1] == _MARK:
        return _Number(node[1:])
    return node


try:
    json.loads("1", parse_int=int)  # type: ignore[call-arg,unused-ignore]
except TypeError:  # MicroPython
    _loads = _loads_quoting
else:
    _loads = _loads_by_hooks


def by_key(named: "dict[str, Any]") -> "dict[str, Any]":
    """The same by the keys of readings: 1-0:1.8.0 is 1.8.0, except beside another 1.8.0."""
    full = [code for code in named if ":" in code]
    if not full:
        return named
    named = dict(named)
    for code in full:
        key = key_of(code)
        if key not in named:
            named[key] = named.pop(code)
    return named


def unit_of_key(key: str) -> str:
    """The unit of a reading's key, "C.D.E" of electricity or "A-B:C.D.E"."""
    medium, _, code = key.rpartition(":")
    if medium and medium[:2] not in ("0-", "1-"):
        return ""
    c, d, _ = code.split(".")
    return unit_of(int(c), int(d))
