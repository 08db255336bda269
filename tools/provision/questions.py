"""Asks a person for the settings and secrets that are missing, and for those that are wrong."""

import functools
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

from smartmeter.meters import zone_names
from smartmeter.meters.families import Family

from . import boards, pairing
from .answers import ASKED, Answers, secret
from .device import Surroundings
from .meters import ask_meter, has_authentication_key, has_key
from .prompt import Refused, ask, ask_hidden, is_setting
from .wording import QUESTIONS, plain

_NO_PSRAM = "This board has no PSRAM. Its memory may be too small to decode the meter's lists."
# what to publish -> what it means, with or without a key on the board
WHAT = {
    "raw": "the Concentrator decodes; the board decrypts. Needs a [[meter]] at the Concentrator.",
    "ciphered": "the Concentrator decrypts and decodes; the key is not on the board.",
    "reading": "the board decodes. Needs an ESP32-C3 or newer, or the firmware in the image.",
}
WITHOUT_PSRAM = "raw"  # what such a board publishes if the person just presses Enter
ZONE = "Europe/Vienna"  # Central European time, as the adapter assumes without a zone
PORT = "8883"

# The settings that may be corrected; with the secrets and broker_ca they are all questions.
_CORRECTABLE = ("wifi.ssid", "broker.host", "broker.port", "broker.user", "meter.line")
SETTINGS = (*_CORRECTABLE, "broker_ca")


def ask_settings(answers: Answers, around: Callable[[], Surroundings]) -> Family | None:
    """Asks for what is missing. Returns the meter's family if the person chose one.

    around: asks the board what it hears and has; called only if a question needs it.
    """
    settings = answers.settings
    print("Press Enter to accept the value in brackets.")
    if "board" not in settings:
        settings["board"] = _board(around().machine)
    meter = settings.setdefault("meter", {})
    family = None
    if "line" not in meter and "answer" not in meter:
        family = ask_meter(meter)
    if "zone" not in meter and family and family.zone:
        meter["zone"] = family.zone
    elif "zone" not in meter:
        meter["zone"] = ask(QUESTIONS["meter.zone"], ZONE, zone_names.setting)
    if "what" not in settings.get("publish", {}) and not around().has_psram:
        print(_NO_PSRAM)
        for name, meaning in WHAT.items():
            print(f"{name:8}  {meaning}")
        what = ask(QUESTIONS["publish.what"], WITHOUT_PSRAM, check_what)
        settings.setdefault("publish", {})["what"] = [what]
    if "wifi" not in settings and "ethernet" not in settings:
        ssid = _ask_network(around().networks)
        settings["wifi" if ssid else "ethernet"] = {"ssid": ssid} if ssid else {}
    broker = settings.setdefault("broker", {})
    if "host" not in broker:
        _ask_pairing(answers, broker)
    if "host" not in broker:
        broker["host"] = ask(QUESTIONS["broker.host"], None, is_setting("broker", "host"))
    if "port" not in broker:
        broker["port"] = int(ask(QUESTIONS["broker.port"], PORT, is_setting("broker", "port")))
    if "user" not in broker and "broker_password" not in answers.secrets:
        user = ask(QUESTIONS["broker.user"], "", is_setting("broker", "user"))
        if user:
            broker["user"] = user
    if broker.get("tls", True) and "broker_ca" not in answers.secrets:
        _ask_ca(answers)
    return family


def ask_secrets(answers: Answers, family: Family | None) -> None:
    """Asks for the secrets that are missing and that these settings and this meter need."""
    needed = needed_secrets(answers.settings, family)
    for name, question in ASKED.items():
        if name in needed and name not in answers.secrets:
            value = ask_hidden(question, functools.partial(secret, name))
            if value is not None:
                answers.secrets[name] = value


def needed_secrets(settings: dict[str, Any], family: Family | None) -> set[str]:
    """The names of the secrets that these settings and this meter need."""
    decrypts = settings.get("publish", {}).get("what", ["reading"]) != ["ciphered"]
    needed = {
        "wifi_password": "wifi" in settings,
        "broker_password": bool(settings.get("broker", {}).get("user")),
        "meter_key": decrypts and has_key(family),
        "meter_auth_key": decrypts and has_authentication_key(family),
    }
    return {name for name, is_needed in needed.items() if is_needed}


def correct(answers: Answers, questions: tuple[str, ...]) -> bool:
    """Asks again for what may be wrong; whether the person has changed anything."""
    if questions:
        print("Type a new value, or press Enter to keep the present one.")
    changed = False
    for name in questions:
        section, _, setting = name.partition(".")
        if name == "broker_ca":
            changed = _ask_ca(answers, "") or changed
        elif not setting:
            value = ask_hidden(_kept(ASKED[name]), functools.partial(secret, name))
            if value is not None:
                answers.secrets[name] = value
                changed = True
        elif section in answers.settings:
            changed = _correct_setting(answers.settings[section], section, setting) or changed
    return changed


def _correct_setting(values: dict[str, object], section: str, setting: str) -> bool:
    before = values.get(setting)
    default = "" if before is None else str(before)
    question = plain(QUESTIONS[f"{section}.{setting}"])
    said = ask(question, default, is_setting(section, setting))
    if said == default:
        return False
    values[setting] = int(said) if setting == "port" else said
    return True


def _kept(question: str) -> str:
    return plain(question) + " (press Enter to keep it)"


def _ask_network(networks: list[tuple[str, int]]) -> str:
    """The name of a Wi-Fi; "" for Ethernet."""
    names = [name for name, _ in networks]
    if networks:
        print("Wi-Fi networks in range:")
    for number, (name, signal) in enumerate(networks, 1):
        print(f"{number:3}  {name} ({signal} dBm)")
    question = ("number or " if networks else "") + QUESTIONS["wifi.ssid"]
    said = ask(question, "", is_setting("wifi", "ssid"))
    if said.isdecimal() and said not in names and 0 < int(said) <= len(names):
        return names[int(said) - 1]
    return said


def _board(machine: str) -> str:
    """As the board's MicroPython says; else as the person says."""
    found = boards.of_machine(machine)
    if found is None:
        print("Boards:", ", ".join(boards.names()))
        return ask(QUESTIONS["board"], boards.USUAL, boards.load)
    pins = boards.load(found).pins
    print(f"board: {found} ({machine}); the meter's wire goes to GPIO {pins[boards.RX]}.")
    print('If yours is another one of boards/, start again with board = "NAME" in --config.')
    return found


def _ask_pairing(answers: Answers, broker: dict[str, object]) -> None:
    """Takes host, user, password and CA from a Concentrator, if the person has a code."""
    while text := ask(QUESTIONS["pairing"], ""):
        meter = answers.settings["meter"].setdefault("id", str(uuid.uuid4()))
        try:
            found = pairing.redeem(pairing.parse(text), str(meter))
        except Refused as why:
            print(why)
            continue
        broker |= {"host": found.host, "port": found.port, "user": found.user}
        answers.secrets["broker_password"] = found.password.encode()
        answers.secrets["broker_ca"] = found.ca
        print(f"paired: the broker is {found.host}:{found.port}")
        return


def check_what(text: str) -> None:
    if text not in WHAT:
        raise ValueError("type raw, ciphered or reading")


def _ask_ca(answers: Answers, default: str | None = None) -> bool:
    def check(name: str) -> None:
        answers.read("broker", "ca", Path(name).expanduser())

    return bool(ask(QUESTIONS["broker_ca"], default, check))
