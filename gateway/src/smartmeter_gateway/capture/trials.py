"""Tries other ways to read a capture that gave no reading, and reports what works."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from smartmeter import Reading, Receiver
from smartmeter.meters import zone_names
from smartmeter_service.toml_file import SettingsError


@dataclass(frozen=True)
class Asked:
    """How to read a capture. Its keys are never printed."""

    key: bytes | None = None
    auth_key: bytes | None = None
    link: str | None = None
    profile: str | None = None
    zone: str | None = None

    def receiver(self) -> Receiver:
        """A fresh Receiver; SettingsError if link, profile or zone is not valid."""
        try:
            zone = zone_names.setting(self.zone) if self.zone else None
            return Receiver(self.key, self.auth_key, self.link, self.profile, zone, submeters=True)
        except ValueError as why:
            raise SettingsError(str(why)) from None

    def __repr__(self) -> str:
        return f"Asked(link={self.link!r}, profile={self.profile!r}, zone={self.zone!r})"


def found(data: bytes, asked: Asked) -> Iterator[str]:
    """A sentence on what first gives readings from data if asked gave none, or nothing."""
    for sentence, other, changed in _others(data, asked):
        receiver = other.receiver()
        events = receiver.feed(changed) + receiver.flush()
        if any(isinstance(event, Reading) for event in events):
            yield sentence
            return


def _others(data: bytes, asked: Asked) -> Iterator[tuple[str, Asked, bytes]]:
    if asked.key and asked.auth_key:
        swapped = replace(asked, key=asked.auth_key, auth_key=asked.key)
        yield "the two keys were given the wrong way round; swapped, they open it.", swapped, data
        alone = replace(asked, key=asked.auth_key, auth_key=None)
        yield "the key given as authentication key opens it as encryption key.", alone, data
    if asked.auth_key:
        without = replace(asked, auth_key=None)
        yield "without the authentication key it is read, but not verified.", without, data
    if asked.key:
        keyless = replace(asked, key=None, auth_key=None)
        yield "without a key it is read: it is not encrypted.", keyless, data
    if asked.link:
        free = replace(asked, link=None)
        yield f"without --link {asked.link} it is read.", free, data
    if any(byte & 0x80 for byte in data):
        seven = bytes(byte & 0x7F for byte in data)
        yield "the line is 7E1 and was read as 8N1: with seven bits it is read.", asked, seven
