"""Asks which meter it is, by country and operator, from the families that the core reads."""

from smartmeter.meters import families
from smartmeter.meters.countries import NAMES
from smartmeter.meters.families import Family
from smartmeter_service.prompts import Answers

_ELSEWHERE = ""
_POLLS = {families.SIGN_ON: "sign-on", families.POLL: "m-bus"}


def choose(a: Answers, name: str) -> Family | None:
    """The family; None if the list has no such meter. Asks for NAME.country and NAME.family."""
    country = a.choice(
        f"{name}.country",
        "Country of the meter",
        [*((code, words) for code, words in NAMES.items()), (_ELSEWHERE, "another one")],
        _ELSEWHERE,
    )
    offered = [family for family in families.FAMILIES if family.country == country]
    if not offered:
        return None
    chosen = a.choice(
        f"{name}.family",
        "The meter",
        [*((family.id, _words(family)) for family in offered), (_ELSEWHERE, "another one")],
        _ELSEWHERE,
    )
    return next((family for family in offered if family.id == chosen), None)


def poll(family: Family) -> str:
    """The setting `poll` for it."""
    return _POLLS.get(family.answer, "no")


def has_key(family: Family | None) -> bool:
    """Whether its telegrams may be encrypted."""
    return family is None or family.keys != families.NO_KEY


def has_authentication_key(family: Family | None) -> bool:
    return family is None or family.keys in (families.BOTH, families.TAGGED)


def hints(family: Family) -> list[str]:
    """Wiring and keys, a line each."""
    lines = [f"Wiring: {family.port}; between meter and machine: {family.wiring}."]
    lines.append(f"Key: {family.keys}.")
    return [*lines, f"Note: {family.note}."] if family.note else lines


def _words(family: Family) -> str:
    return f"{family.meters} ({family.operators})" if family.operators else family.meters
