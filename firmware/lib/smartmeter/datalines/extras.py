"""What P1 says besides values, as texts: messages, the time of the month's peak, months, failures.

A device loads this only if its settings publish more than the usual values.
"""

from binascii import unhexlify

from ..reading import decimal
from ..texts import parse_decimal
from .clock import Clock
from .units import BY_TEXT, number_and_unit

TYPE_CHECKING = False  # what follows is for mypy; a device has no typing
if TYPE_CHECKING:
    from ..context import Context
    from ..reading import Reading

_TEXT_MAX = 1024  # characters of a message: DSMR 5.0.2 P1 allows as many bytes
_ROWS_MAX = 13  # months (eMUCS-P1, 0-0:98.1.0); of failures there are 10
_HISTORY = "98.1.0"
_FAILURES = "99.97.0"


def take(reading: "Reading", name: str, key: str, values: "list[str]", ctx: "Context") -> None:
    """Adds the text of a data line to the reading, if it is one of these and holds something."""
    if key[:6] == "96.13.":
        text = _message(values[0])
    elif key == _HISTORY:
        text = _history(values, ctx)
    elif key == _FAILURES:
        text = _failures(values, ctx)
    else:  # a value and its time, in either order
        text = _time(values[0], ctx) or _time(values[-1], ctx)
    if text:
        reading.texts[name] = text


def _message(text: str) -> str:
    """A text that is the hexadecimal of its bytes."""
    try:
        octets = unhexlify(text)
    except ValueError:
        return text[:_TEXT_MAX]
    return "".join([chr(b) if 32 <= b < 127 else "?" for b in octets[:_TEXT_MAX]])


def _history(values: "list[str]", ctx: "Context") -> str:
    """ "month's end,time of the peak,W" for each month, with ";" between them.

    (2)(1-0:1.6.0)(1-0:1.6.0)(end)(time)(04.229*kW)(end)(time)(04.229*kW); without time or value
    if the meter has none.
    """
    rows = []
    for i in range(3, min(len(values), 3 + 3 * _ROWS_MAX) - 2, 3):
        end = _time(values[i], ctx)
        if end:
            time = _time(values[i + 1], ctx)
            rows.append(end + "," + time + "," + (_number(values[i + 2]) if time else ""))
    return ";".join(rows)


def _failures(values: "list[str]", ctx: "Context") -> str:
    """ "end,seconds" of each long power failure, with ";" between them.

    (2)(0-0:96.7.19)(time)(0000000240*s)(time)(0000000301*s)
    """
    rows = []
    for i in range(2, min(len(values), 2 + 2 * _ROWS_MAX) - 1, 2):
        end = _time(values[i], ctx)
        if end:
            rows.append(end + "," + _number(values[i + 1]))
    return ";".join(rows)


def _time(text: str, ctx: "Context") -> str:
    if len(text) < 12:
        return ""
    clock = Clock()
    clock.tell("1.0.0", text)
    return clock.rfc3339(ctx.profile, ctx.zone) or ""


def _number(text: str) -> str:
    """A number in its basic unit, "" if it is none."""
    number, _, unit = number_and_unit(text)
    scale = BY_TEXT.get(unit.lower())
    try:
        mantissa, exponent = parse_decimal(number.replace(",", "."))
    except ValueError:
        return ""
    return decimal((mantissa, exponent + scale[1])) if scale else ""
