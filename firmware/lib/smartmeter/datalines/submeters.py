"""The meters in a text that do not measure electricity: what the main one is, and sub-meters.

A P1 telegram has type, id and last value of each M-Bus channel, 0-1 to 0-8:

    0-1:24.1.0(003)                            its type (EN 13757-3), which names the medium
    0-1:96.1.0(4730303332353635353033)         its id; Belgium has 96.1.1
    0-1:24.2.1(161204160000W)(00001.001*m3)    its value, and when it was read

DSMR 5.0.2 P1, 6.12; eMUCS P1. A channel without a type, or whose type is 0, has no sub-meter.

Elsewhere group A of a code names the medium (IEC 62056-61): 7-0:3.0.0 is gas. Heat meters leave it
out (EN 1434-3), and 6.8 is heat, 6.26 its volume. Group B is the channel, and 0 the meter itself.
"""

from ..reading import ELECTRICITY, Reading
from ..submeters import CHANNELS, MEDIA, number
from .clock import Clock

TYPE_CHECKING = False  # what follows is for mypy; a device has no typing
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ..context import Context

_VALUE = "24.2."
_IDS = ("96.1.0", "96.1.1")
_CODE_AT = 4  # where C.D.E begins in 0-1:C.D.E
_MEDIA = {"5": "cooling", "6": "heat", "7": "gas", "8": "water", "9": "water"}  # by group A


def main_medium(codes: "Iterable[str]", types: "dict[str, str]") -> str:
    """The medium of a meter that measures no electricity, "" if its values do not tell.

    codes: those of its values that are of another medium, or on a channel. types: as in found().
    """
    own = [code for code in codes if code[2:4] == "0:"] or codes
    media = {_medium_of(code, types) for code in own} - {""}
    return media.pop() if len(media) == 1 else ""


def found(
    reading: Reading,
    types: "dict[str, str]",
    moments: "dict[str, str]",
    ctx: "Context",
    unhex: "Callable[[str], str]",
) -> None:
    """Fills in reading.submeters from its values "0-n:24.2.x", and those like "8-n:1.0.0".

    types: the type of each channel's meter, by "0-n:". moments: the times before the values, by
    code. unhex: how ids are decoded.
    """
    submeters: "dict[str, Reading]" = {}
    for key, code in reading.codes.items():
        head = code[:_CODE_AT]
        medium = _medium_of(code, types)
        if not medium or head[2] not in CHANNELS or head[3] != ":":
            continue
        if medium == reading.medium != ELECTRICITY:
            continue  # the main meter's own
        submeter = submeters.get(head[2])
        if submeter is None:
            submeter = submeters[head[2]] = Reading()
            submeter.medium = medium
            submeter.channel = int(head[2])
            for name in _IDS:
                text = reading.texts.get(head + name, "").strip()
                if text.strip("0"):
                    submeter.meter = unhex(text)
                    break
        elif submeter.medium != medium:
            continue  # a second meter on the same channel has no id of its own
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
        reading.submeters = [submeters[n] for n in sorted(submeters)]  # by channel


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


def _medium_of(code: str, types: "dict[str, str]") -> str:
    """What a channel's meter measures by one of its values, "" if it is not one."""
    if code[0] in _MEDIA:
        return _MEDIA[code[0]]
    if code[_CODE_AT : _CODE_AT + len(_VALUE)] != _VALUE or code[:2] != "0-":
        return ""
    text = types.get(code[:_CODE_AT], "")
    return MEDIA.get(int(text), "") if 0 < len(text) <= 3 and text.isdigit() else ""
