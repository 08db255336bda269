"""The answers of the page: one field each, checked by the rules that the terminal has."""

import base64
import binascii
from collections.abc import Callable, Mapping

from smartmeter.meters import families, zone_names
from smartmeter.meters.families import Family

from .. import boards, questions
from ..answers import ASKED, Answers, certificate_of, secret
from ..meters import settings_of
from ..prompt import Refused, is_setting
from ..wording import QUESTIONS

FIELD_MAX = 8000  # characters: the CA's certificate in base64 is the longest


class Wrong(Exception):
    """One sentence about an answer, with the name of its question, or "" if it is about all."""

    def __init__(self, question: str, sentence: str) -> None:
        super().__init__(sentence)
        self.question = question


def family_of(name: str) -> Family | None:
    return next((f for f in families.FAMILIES if f.id == name), None)


def check(question: str, text: str) -> None:
    """Raises Wrong if that answer alone is not valid."""
    test = _CHECKS.get(question)
    if test is None:
        raise Wrong("", f"there is no question {question[:40]!r}")
    if len(text) > FIELD_MAX:
        raise Wrong(question, f"an answer has at most {FIELD_MAX} characters")
    try:
        test(text)
    except (ValueError, Refused) as why:
        raise Wrong(question, str(why)) from None


def answers(form: Mapping[str, str]) -> Answers:
    """What the board gets, from {question: text}. An empty text counts as missing. Raises Wrong."""
    given = {name: text for name, text in form.items() if text}
    for name, text in given.items():
        check(name, text)
    found = Answers()
    settings = found.settings
    for name, text in given.items():
        section, _, setting = name.partition(".")
        if name == "board":
            settings["board"] = text
        elif name == "broker_ca":
            found.secrets[name] = _certificate(text)
        elif name in ASKED:
            found.secrets[name] = secret(name, text)
        elif setting:
            value: object = int(text) if name == "broker.port" else text
            settings.setdefault(section, {})[setting] = [value] if setting == "what" else value
    family = family_of(given.get("meter", ""))
    if family:
        settings["meter"] = settings.get("meter", {}) | settings_of(family)
    if "wifi" not in settings:
        board = given.get("board", boards.USUAL)
        if "ethernet" not in boards.load(board).adapter:
            raise Wrong("wifi.ssid", f"{board} has no Ethernet; name a Wi-Fi")
        settings["ethernet"] = {}
    needed = questions.needed_secrets(settings, family)
    for name in ASKED:
        if name not in needed:
            found.secrets.pop(name, None)
    try:
        return found.checked()
    except Refused as why:
        names = [*QUESTIONS, *ASKED, "meter.id"]
        about = next((n for n in names if str(why).startswith((n + " ", n + ":"))), "")
        raise Wrong("broker_ca" if str(why).startswith("broker.ca") else about, str(why)) from None


def der_of(text: str) -> bytes:
    """The certificate in a file's content in base64, as the board keeps it. Raises Refused."""
    return certificate_of(_bytes(text), "the file")


def _certificate(text: str) -> bytes:
    return certificate_of(_bytes(text), QUESTIONS["broker_ca"])


def _bytes(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        raise Refused("this is not base64") from None


def _family(text: str) -> None:
    if family_of(text) is None:
        raise ValueError(f"there is no meter {text[:40]!r} in the list")


def _secret(name: str) -> Callable[[str], object]:
    return lambda text: secret(name, text)


_CHECKS: dict[str, Callable[[str], object]] = {
    "board": boards.load,
    "meter": _family,
    "meter.zone": zone_names.setting,
    "publish.what": questions.check_what,
    "broker_ca": _certificate,
    **{
        f"{section}.{name}": is_setting(section, name)
        for section, name in (
            ("meter", "id"),
            ("meter", "line"),
            ("wifi", "ssid"),
            ("broker", "host"),
            ("broker", "port"),
            ("broker", "user"),
        )
    },
    **{name: _secret(name) for name in ASKED},
}
