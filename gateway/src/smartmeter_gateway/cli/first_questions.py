"""The three questions of `init`: which meter, its key, where its readings go.

Their answers become proposals for all other questions, which only "advanced" asks.
"""

from collections.abc import Callable

from smartmeter_service.prompts import Answers

from ..config.settings import MeterKey
from ..provisioning import invitation
from . import meter_choice

ADAPTER = "adapter"
CLOUD, HOME_ASSISTANT, BOTH, NEITHER = "cloud", "home-assistant", "both", "neither"
INVITATION = "cloud.invitation"
# device -> what is heard on it
Survey = Callable[[], dict[str, str]]


def ask(a: Answers, survey: Survey) -> None:
    """Asks a person. survey: listens to the serial ports; called once."""
    assert a.person is not None
    say = a.person.say
    say("Looking for serial ports ...")
    heard = survey()
    say("")
    say("1. Where does your meter come in?")
    ports = [(device, f"{device}: {words}") for device, words in heard.items()]
    adapter = (ADAPTER, "an ESP32 adapter on the network; you pair it afterwards")
    source = a.choice("source", "Number", [adapter, *ports], ADAPTER)
    say("")
    if source == ADAPTER:
        say("2. The meter's key: you enter it when you set up the adapter.")
        a.proposed |= {"lan.host": "", "lan.embedded": "yes", "lan.listen": "0.0.0.0"}  # noqa: S104
    else:
        a.proposed |= {"lan.embedded": "no", "port1.device": source}
        _ask_meter(a, say)
    say("")
    _ask_destination(a, say)


def _ask_meter(a: Answers, say: Callable[[str], None]) -> None:
    family = meter_choice.choose(a, "port1")
    if family:
        a.proposed |= {"port1.zone": family.zone, "port1.poll": meter_choice.poll(family)}
        for line in meter_choice.hints(family):
            say(line)
    say("")
    say("2. The meter's key. Your grid operator gives it to you.")
    if not meter_choice.has_key(family):
        say("This meter sends without encryption, so it has none.")
        return
    hint = "32 hex digits (Enter: it does not encrypt)"
    a.secret("port1.key", f"Encryption key, {hint}", MeterKey.from_text)
    if meter_choice.has_authentication_key(family):
        hint = "32 hex digits (Enter: you have none)"
        a.secret("port1.auth", f"Authentication key, {hint}", MeterKey.from_text)


def _ask_destination(a: Answers, say: Callable[[str], None]) -> None:
    say("3. Where should the readings go?")
    options = [
        (CLOUD, "to a Cloud of this project"),
        (HOME_ASSISTANT, "to Home Assistant"),
        (BOTH, "to both"),
        (NEITHER, "they stay here, on the local page"),
    ]
    destination = a.choice("destination", "Number", options, NEITHER)
    if destination in (HOME_ASSISTANT, BOTH):
        a.proposed |= {"lan.embedded": "yes", "lan.listen": "0.0.0.0", "homeassistant": "yes"}  # noqa: S104
    if destination in (CLOUD, BOTH):
        say(
            "On the Cloud's machine, `smartmeter-cloud invite NAME` prints one line; NAME is yours."
        )
        line = ""
        while not line:
            line = a.secret(INVITATION, "Paste that line (it is not shown)", invitation.parse)
        a.proposed["concentrator"] = invitation.parse(line).concentrator
