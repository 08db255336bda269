"""Asks which meter it is, by country and operator, from the families that the core reads."""

import functools
from typing import Any

from adapter import line_setting, schema
from smartmeter.meters import families
from smartmeter.meters.countries import NAMES
from smartmeter.meters.families import Family

from .prompt import Refused, ask, is_setting
from .wording import QUESTIONS

# What the meter must receive before it sends -> meter.answer
_ANSWERS = {
    families.ACKNOWLEDGE: schema.AMIS,
    families.SIGN_ON: schema.SIGN_ON,
    families.POLL: schema.POLL,
}
_HELP = (
    'Type a number of the list, a maker ("kaifa"), or the line ("2400 8E1", "115200 8N1 '
    'inverted").\n"auto" finds every meter that sends by itself.'
)


def ask_meter(meter: dict[str, Any]) -> Family | None:
    """Sets meter's line or answer. Returns the family if the person chose one."""
    print("Countries:", ", ".join(f"{code} {name}" for code, name in NAMES.items()))
    code = ask(QUESTIONS["country"], "", _country).upper()
    offered = [f for f in families.FAMILIES if f.country == code] if code else []
    _list(offered)
    print(_HELP)
    while True:
        text = ask(QUESTIONS["meter"], line_setting.AUTO, functools.partial(_check, offered))
        if text in _ANSWERS.values():
            meter["answer"] = text
            return None
        found = _found(text, offered)
        if not found:
            meter["line"] = text
            return None
        if len(found) == 1:
            _take(meter, found[0])
            return found[0]
        offered = found
        _list(offered)


def line_of(family: Family) -> str:
    """The family's line as meter.line takes it; "auto" if no document states it."""
    if family.line is None:
        return line_setting.AUTO
    baud, bits, parity, stop, inverted = family.line
    return f"{baud} {bits}{parity}{stop}" + (" inverted" if inverted else "")


def has_key(family: Family | None) -> bool:
    """Whether its telegrams may be encrypted."""
    return family is None or family.keys != families.NO_KEY


def has_authentication_key(family: Family | None) -> bool:
    return family is None or family.keys in (families.BOTH, families.TAGGED)


def _country(text: str) -> None:
    if text.upper() not in NAMES:
        raise Refused(f"{text!r} is not in the list; type two letters, or press Enter")


def _list(offered: list[Family]) -> None:
    for number, family in enumerate(offered, 1):
        who = f" ({family.operators})" if family.operators else ""
        print(f"{number:3}  {family.meters}{who}; {family.port}")


def _found(text: str, offered: list[Family]) -> list[Family]:
    """The families that a number or a word names; [] if it is a line or the name of an answer."""
    if text.isdecimal() and 0 < int(text) <= len(offered):
        return [offered[int(text) - 1]]
    if text == line_setting.AUTO or not any(c.isalpha() for c in text) or text[0].isdigit():
        return []
    word = text.lower()
    return [
        f
        for f in offered or families.FAMILIES
        if word in f"{f.id} {f.meters} {f.operators}".lower()
    ]


def _check(offered: list[Family], text: str) -> None:
    if text in _ANSWERS.values() or _found(text, offered):
        return
    if text.isdecimal() and offered:
        raise Refused(f"the list has the numbers 1 to {len(offered)}; a line is like 2400 8E1")
    if text != line_setting.AUTO and not text[0].isdigit():
        raise Refused(f"no meter of the list is called {text!r}; press Enter for auto")
    is_setting("meter", "line")(text)


def settings_of(family: Family) -> dict[str, str]:
    """What the section meter needs to read such a meter."""
    if family.answer:
        return {"answer": _ANSWERS[family.answer]}
    return {"line": line_of(family)}


def _take(meter: dict[str, Any], family: Family) -> None:
    meter |= settings_of(family)
    line = "" if family.line is None else f", {line_of(family)}"
    print(f"Port: {family.port}{line}. Between port and board: {family.wiring}.")
    print(f"Key: {family.keys}.")
    if family.note:
        print(f"Note: {family.note}.")
