"""Why a meter is not heard, for a person: by what its adapter, or our own port, told last."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from smartmeter.search import NO_BYTES, NO_FRAME, NO_KEY, READINGS

OLD_S = 120.0  # without a reading: then it is silent
_TEXT_MAX = 100

WORDS = {
    NO_BYTES: "no bytes: is the cable on the meter, and its interface switched on?",
    NO_FRAME: "bytes but no telegram: wrong baud rate or parity, or bad cabling?",
    NO_KEY: "telegrams that cannot be opened: is it this meter's key?",
    READINGS: "readings come",
}


class LinkLike(Protocol):
    up: bool
    reason: str


@dataclass(frozen=True)
class Told:
    """Of a meter's status what the house needs; "" where it tells none."""

    state: str
    progress: str
    port: str

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> "Told":
        def text(key: str) -> str:
            value = document.get(key)
            return value[:_TEXT_MAX] if isinstance(value, str) else ""

        return cls(text("state"), text("progress"), text("port"))


def why(told: Told | None, links: Mapping[str, LinkLike], lan: str) -> str:
    """One sentence. lan: the name of the LAN broker's link."""
    port = links.get(f"port {told.port}") if told else None
    if told and port:
        if not port.up:
            return f"port {told.port}: {port.reason}"
    elif lan in links and not links[lan].up:
        return f"{lan}: {links[lan].reason}"
    elif told and told.state == "offline":
        return "its adapter is offline"
    if told and told.progress in WORDS and told.progress != READINGS:
        return WORDS[told.progress]
    return "it came before, and nothing tells why it comes no more"
