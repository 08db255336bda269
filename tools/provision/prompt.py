"""Asks a person one question until the answer is valid."""

import getpass
from collections.abc import Callable

from adapter import schema


class Refused(Exception):
    """An answer is not valid; one sentence."""


Check = Callable[[str], object]


def ask(question: str, default: str | None, check: Check | None = None) -> str:
    """The answer, or default if the person presses Enter. None: an answer is required."""
    while True:
        shown = f" [{default}]" if default else ""
        text = input(f"{question}{shown}: ").strip() or default
        if text is None:
            print("This answer is required (Ctrl-C cancels).")
            continue
        try:
            if check and text:
                check(text)
        except (ValueError, Refused) as why:
            print(why)
            continue
        return text


def ask_hidden(question: str, check: Callable[[str], bytes]) -> bytes | None:
    """What check makes of an answer that is not shown; None if the person presses Enter."""
    while text := getpass.getpass(f"{question}: "):
        try:
            return check(text)
        except Refused as why:
            print(why)
    return None


def is_setting(section: str, name: str) -> Check:
    """A check by the rule that the board has for this setting."""

    def check(text: str) -> None:
        value: object = int(text) if text.isascii() and text.isdecimal() else text
        document: dict[str, dict[str, object]] = {
            "meter": {"id": "any", "rx": 16, "tx": 17},
            "wifi": {"ssid": "any"},
            "broker": {"host": "any"},
        }
        document[section][name] = value if name == "port" else text
        schema.check(document)

    return check
