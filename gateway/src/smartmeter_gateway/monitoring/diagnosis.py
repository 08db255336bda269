"""Why a meter is silent, in words, from what its adapter or our port reported last."""

from collections.abc import Mapping
from typing import Protocol

from smartmeter.dialog.line_search import NO_BYTES, NO_FRAME, NO_KEY, READINGS

from .adapter_status import AdapterStatus

WORDS = {
    NO_BYTES: "no bytes: is the cable on the meter, and its interface switched on?",
    NO_FRAME: "bytes but no telegram: wrong baud rate or parity, or bad cabling?",
    NO_KEY: "telegrams that cannot be decrypted: is it this meter's key?",
    READINGS: "readings come",
}


class LinkLike(Protocol):
    up: bool
    reason: str


def silence_reason(adapter: AdapterStatus | None, links: Mapping[str, LinkLike], lan: str) -> str:
    """One sentence. lan: the name of the LAN broker's link."""
    port = links.get(f"port {adapter.port}") if adapter else None
    if adapter and port:
        if not port.up:
            return f"port {adapter.port}: {port.reason}"
    elif lan in links and not links[lan].up:
        return f"{lan}: {links[lan].reason}"
    elif adapter and adapter.state == "offline":
        return "its adapter is offline"
    if adapter and adapter.progress in WORDS and adapter.progress != READINGS:
        return WORDS[adapter.progress]
    return "readings came before; the reason why they stopped is not known"
