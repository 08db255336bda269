"""How an attack is written: a function that is given the site, and says what did not hold."""

from collections.abc import Callable
from dataclasses import dataclass

from tools.attack.site import Site


class NotHeld(Exception):
    """What an attacker achieved; one sentence."""


@dataclass(frozen=True)
class Attack:
    """title: what the attacker does. finding: its number in the review that found it, or "".

    short: part of `make test`; the others take a minute or more.
    """

    title: str
    finding: str
    short: bool
    run: Callable[[Site], None]


ALL: list[Attack] = []


def attack(
    title: str, finding: str = "", *, short: bool = True
) -> Callable[[Callable[[Site], None]], Callable[[Site], None]]:
    """Registers an attack. The function raises NotHeld if it succeeds."""

    def register(run: Callable[[Site], None]) -> Callable[[Site], None]:
        ALL.append(Attack(title, finding, short, run))
        return run

    return register


def held(condition: object, otherwise: str) -> None:
    if not condition:
        raise NotHeld(otherwise)
