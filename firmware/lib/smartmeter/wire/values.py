"""A reading's values on the wire, as its readers need them: their keys, units and bounds."""

from ..obis import key_of, unit_of

TYPE_CHECKING = False  # what follows is for mypy; a device has no typing
if TYPE_CHECKING:
    from typing import Any

UNIT_MAX = 16  # characters
TEXT_MAX = 1024  # characters of a text, as of P1's message (DSMR 5.0.2 P1)


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
