"""The sub-meters of a P1 telegram: type, id and last value of each M-Bus channel, 0-1 to 0-8.

    0-1:24.1.0(003)                            its type (EN 13757-3), which names the medium
    0-1:96.1.0(4730303332353635353033)         its id; Belgium has 96.1.1
    0-1:24.2.1(161204160000W)(00001.001*m3)    its value, and when it was read

DSMR 5.0.2 P1, 6.12; eMUCS P1. A channel without a type, or whose type is 0, has no sub-meter.
"""

from ..reading import Reading
from ..submeters import CHANNELS, MEDIA, number
from .clock import Clock

TYPE_CHECKING = False  # what follows is for mypy; a device has no typing
if TYPE_CHECKING:
    from collections.abc import Callable

    from ..context import Context

_VALUE = "24.2."
_IDS = ("96.1.0", "96.1.1")
_CODE_AT = 4  # where C.D.E begins in 0-1:C.D.E


def found(
    reading: Reading,
    types: "dict[str, str]",
    moments: "dict[str, str]",
    ctx: "Context",
    unhex: "Callable[[str], str]",
) -> None:
    """Fills in reading.submeters from its values "0-n:24.2.x".

    types: the type of each channel's meter, by "0-n:". moments: the times before the values, by
    code. unhex: how ids are decoded.
    """
    submeters: "dict[str, Reading]" = {}
    for key, code in reading.codes.items():
        head = code[:_CODE_AT]
        if head not in types or code[_CODE_AT : _CODE_AT + len(_VALUE)] != _VALUE:
            continue
        medium = _medium(types[head])
        if not medium or head[:2] != "0-" or head[2] not in CHANNELS:
            continue
        submeter = submeters.get(head)
        if submeter is None:
            submeter = submeters[head] = Reading()
            submeter.medium = medium
            submeter.channel = int(head[2])
            for name in _IDS:
                text = reading.texts.get(head + name, "").strip()
                if text.strip("0"):
                    submeter.meter = unhex(text)
                    break
        if code in moments:
            clock = Clock()
            clock.tell("1.0.0", moments[code])
            submeter.time = clock.rfc3339(ctx.profile, ctx.zone)
            submeter.clock = "meter" if submeter.time else None
        short = code[_CODE_AT:]
        submeter.values[short] = reading.values[key]
        submeter.codes[short] = code
        submeter.units[short] = reading.units[key]
    for submeter in submeters.values():
        number(submeter)
    if submeters:
        reading.submeters = [submeters[head] for head in sorted(submeters)]  # by channel


def again(submeters: "list[Reading]", values: "dict[str, tuple[int, int]]") -> "list[Reading]":
    """The same sub-meters with the values of another telegram of the main meter."""
    made = []
    for submeter in submeters:
        copy = Reading(submeter.meter, submeter.time)
        copy.medium = submeter.medium
        copy.channel = submeter.channel
        copy.codes = submeter.codes
        copy.units = submeter.units
        for short, code in submeter.codes.items():
            copy.values[short] = values[code if code in values else short]
        number(copy)
        made.append(copy)
    return made


def _medium(text: str) -> str:
    """The medium of a type in decimal digits, "" if it has none."""
    return MEDIA.get(int(text), "") if 0 < len(text) <= 3 and text.isdigit() else ""
