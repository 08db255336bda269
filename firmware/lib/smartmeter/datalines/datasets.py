"""The form of data sets (IEC 62056-21, 6.5): checked for texts without a CRC.

A BCC is a sum of 7 bits without carries. It does not notice two swapped characters, and some texts
have no sum at all. So every set must have a possible code and unit. One quantity must have the same
number of decimals everywhere, as on a display.
"""

from ..fault import LAYOUT, VALUE, Rejected
from ..obis import unit_of
from .units import BY_TEXT, number_and_unit

_STRAY = "\x00\x01\x02\x03\x7f\r\n !"  # noise and old meters' marks, before a code
_CODE = "0123456789CFLP"  # of identification codes (6.5, and EDIS)
_FATAL = "FF"  # the error code F.F, as Iskraemeco's MT171 and MT174 write it
_DAYS = "D"  # the energy of the last 1, 7 and 30 days: 1-1:30D (Elster AS1440)
_MARKS = ".:-*&"
_GROUP_MAX = 3  # digits of one group
_GROUPS_MAX = 6
_VALUE_MAX = 2048  # a text message of P1
_ENERGY = 8
_INSTANT = 7


def check_form(text: str) -> None:
    """Rejected if a set of a text is not "code(value)" as a meter writes it.

    The text is a str, with or without its identification.
    """
    at = 0
    if text[:1] == "/":
        at = text.find("\n") + 1 or len(text)
    decimals: dict[str, int] = {}  # by quantity
    end = len(text)
    while True:
        while at < end and text[at] in _STRAY:
            at += 1
        if at == end:
            return
        opening = text.find("(", at)
        closing = text.find(")", opening)
        if opening < 0 or closing < 0 or closing - opening > _VALUE_MAX:
            raise Rejected(LAYOUT, "a readout has text that is not a data set")
        name = text[at:opening]
        value = text[opening + 1 : closing]
        if name:  # without one it is a further value of the same set
            _check_name(name)
        never = "" if name[:2] == "0-" else "(!"  # but in a message
        for c in value:
            if not " " <= c <= "~" or c in never:
                raise Rejected(LAYOUT, "a readout's value has an invalid character")
        _check_value(name, value, decimals)
        at = closing + 1


def _check_name(name: str) -> None:
    groups = name
    for mark in _MARKS:
        groups = groups.replace(mark, " ")
    parts = groups.split(" ")
    if len(parts) > _GROUPS_MAX:
        raise Rejected(LAYOUT, "a readout's code has too many groups")
    for part in parts:
        digits = part.isdigit() and int(part) < 256
        letter = part == _FATAL or (len(part) == 1 and part in _CODE)
        days = part[-1:] == _DAYS and part[:-1].isdigit()
        if not (digits or letter or days) or len(part) > _GROUP_MAX:
            raise Rejected(LAYOUT, "a readout has an invalid code")


def _check_value(name: str, value: str, decimals: "dict[str, int]") -> None:
    """Rejected if an electrical quantity has no number and unit of its kind."""
    number, star, unit = number_and_unit(value)
    medium, _, code = name.rpartition(":")
    groups = code.replace("*", ".").replace("&", ".").split(".")
    if len(groups) < 2 or not groups[0].isdigit() or not groups[1].isdigit():
        return
    c, d = int(groups[0]), int(groups[1])
    if medium and medium[:2] != "1-":
        return
    implied = unit_of(c, d) if d in (_INSTANT, _ENERGY) else ""
    if star and not unit:
        raise Rejected(LAYOUT, "a readout's value has no unit behind its mark")
    if not implied or not number:
        return
    if star:
        scale = BY_TEXT.get(unit.strip().lower())
        if scale is None or scale[0] != implied:
            if medium or scale is None:
                raise Rejected(VALUE, "a readout's value has a wrong unit")
            return  # without a medium a heat meter has other quantities there
    point = max(number.find("."), number.find(","))
    behind = len(number) - point - 1 if point >= 0 else 0
    phases = 20 + c % 20 if d == _INSTANT and c > 20 else c
    # a value of the past has decimals of its own (Logarex)
    past = "&" in code or ("*" in code and code[-4:] != "*255")
    quantity = "%d.%d %s %s" % (phases, d, unit.lower(), past)
    if decimals.get(quantity, behind) != behind:
        raise Rejected(VALUE, "a readout has a quantity with other decimals than elsewhere")
    decimals[quantity] = behind
