"""The settings, and where they are stored.

They are in NVS, which survives flashing: everything except secrets as one JSON document, and each
secret as a separate blob. Stock ESP32 builds encrypt neither flash nor NVS;
README.md here says what that means.
"""

import json
import sys
import time

from smartmeter.links import LINKS

from .console import say

TYPE_CHECKING = False  # what follows is for mypy; a device has no typing
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Section = dict[str, Any]
    Document = dict[str, Section]

_NOT_FOUND = -0x1102  # ESP_ERR_NVS_NOT_FOUND
_TOO_SHORT = -0x110C  # ESP_ERR_NVS_INVALID_LENGTH: the buffer does not hold the blob
_TRIES = 3

NAMESPACE = "smartmeter"
DOCUMENT = "settings"
DOCUMENT_MAX = 3072
# name in NVS (15 characters at most): the longest it may be
SECRETS = {
    "wifi_password": 64,  # IEEE 802.11i: 8 to 63 characters, or 64 hex digits
    "broker_password": 128,
    "meter_key": 16,
    "meter_auth_key": 16,
    "broker_ca": 4096,
    "client_cert": 4096,
    "client_key": 2048,
    "update_key": 512,  # the modulus of the key that signs updates: who has it can run code here
    "update_ca": 4096,
}
_FOUND = "line_found"  # the line's setting that a search has found, and "/" and the link there
_FOUND_MAX = 32


class NotProvisioned(Exception):
    """NVS holds no settings yet."""


class Unreadable(Exception):
    """NVS cannot be read now. That says nothing of what it holds."""


class Store:
    """The settings in NVS. Each method that reads them raises Unreadable where NVS fails."""

    def __init__(self) -> None:
        from esp32 import NVS

        self._nvs = _tried(NVS, NAMESPACE)

    def _blob(self, name: str, longest: int) -> bytes | None:
        size = min(256, longest)
        while True:
            buf = bytearray(size)
            try:
                n = _tried(self._nvs.get_blob, name, buf)
            except OSError as why:
                if why.errno == _NOT_FOUND:
                    return None
                if size >= longest:
                    raise ValueError("%s is longer than %d bytes" % (name, longest))
                size = min(4 * size, longest)
            else:
                return bytes(memoryview(buf)[:n])

    def document(self) -> "Document":
        """The checked settings; NotProvisioned, or ValueError if they are damaged."""
        text = self._blob(DOCUMENT, DOCUMENT_MAX)
        if text is None:
            raise NotProvisioned
        try:
            document = json.loads(text)
        except ValueError:
            raise ValueError("they are damaged; on your computer type: python -m tools.provision")
        before = set(sys.modules)
        from . import schema

        checked = schema.check(document)
        del schema
        for name in set(sys.modules) - before:
            forget(name)
        return checked

    def secret(self, name: str) -> bytes | None:
        """A secret's bytes, or None if there is none."""
        return self._blob(name, SECRETS[name])

    def line_found(self) -> "tuple[str, str | None]":
        """The line of the last search as text, "" for none; and its link layer, if known."""
        try:
            found = self._blob(_FOUND, _FOUND_MAX) or b""
            setting, _, link = found.decode().partition("/")
            if setting:
                from .line_setting import parse

                parse(setting)
        except ValueError:  # damaged: the search starts again
            return "", None
        return setting, link if link in LINKS else None

    def keep_line(self, setting: str, link: str | None) -> None:
        if (setting, link) != self.line_found():
            try:
                self._nvs.set_blob(_FOUND, (setting + "/" + (link or "")).encode())
                self._nvs.commit()
            except OSError as why:  # the next start searches again
                say("settings", "NVS does not keep the line: %s" % why)


def forget(name: str) -> None:
    """Removes a module that is not needed any more: its memory serves the rest."""
    # First None, because a dict keeps the value of a deleted key until another takes its place
    # (py/map.c).
    sys.modules[name] = None  # type: ignore[assignment]
    del sys.modules[name]
    package, _, leaf = name.rpartition(".")
    if package in sys.modules:
        setattr(sys.modules[package], leaf, None)
        delattr(sys.modules[package], leaf)


def _tried(read: "Callable[..., Any]", *arguments: object) -> "Any":
    """The result of read. OSError only for errors outside NVS, Unreadable after three tries."""
    for _ in range(_TRIES):
        try:
            return read(*arguments)
        except OSError as why:
            if why.errno in (_NOT_FOUND, _TOO_SHORT):
                raise
            trouble = "NVS cannot be read: %s" % why.args[-1]
        say("settings", trouble)
        time.sleep(1)
    raise Unreadable(trouble)
