"""Receives a new version: pushed over MQTT in pieces, or downloaded over HTTPS.

A command on the adapter's command topic is a piece of a bundle or JSON {"url": "https://..."}. A
piece begins with its place and the bundle's length (4 bytes each, big endian).
"""

import asyncio
import json
import time

import slots
from smartmeter import __version__

from . import broker, connection
from .bundle import BYTES_MAX, Refused, Unpacker
from .clock import ticks
from .console import say

TYPE_CHECKING = False  # what follows is for mypy; a device has no typing
if TYPE_CHECKING:
    from collections.abc import Callable

    import tls

    from .settings import Store

_ANSWER_MS = 10_000  # for each answer of the server
# A session with the server: TLS has memory for one at a time, and readings wait for 60 s at most.
_SESSION_MS = 20_000
_AGAIN_MS = 60_000  # a retained command comes again at each connection
_PIECE = 1024
_HEAD_MAX = 4096
_URL_MAX = 512
_NO_SPACE = 28  # ENOSPC, which has no name in an ESP32's errno


class Update:
    """ready: a version is unpacked, and the next start tries it. text: for the status."""

    def __init__(self, store: "Store", meanwhile: "Callable[[], None]") -> None:
        self._store = store
        self._meanwhile = meanwhile
        self._unpacker: Unpacker | None = None
        self._url = ""  # to be fetched
        self._settled = ""  # the last address that was fetched, with or without success
        self._failed: int | None = None  # ticks at which it could not be reached
        self.text = ""
        self.ready = False
        self.news = False  # text was set and nobody has published it yet
        self.has_more = False  # a piece has come, and another may be there at once

    @property
    def is_waiting(self) -> bool:
        """Whether fetch() has something to do; the connection to the broker has to end for it."""
        return self._url != ""

    def command(self, payload: bytes) -> None:
        """Takes a command; an address is left to fetch()."""
        if self.ready:  # the next start decides
            return
        try:
            if payload[:1] == b"{":
                self._address(payload)
            elif len(payload) > 8:
                at, total = (int.from_bytes(payload[i : i + 4], "big") for i in (0, 4))
                self._piece(at, total, memoryview(payload)[8:])
        except Exception as why:  # a retained command comes again: nothing may end the adapter
            self._give_up(why)

    def _address(self, payload: bytes) -> None:
        try:
            url = json.loads(payload)["url"] if len(payload) <= _URL_MAX else None
        except (ValueError, KeyError, TypeError):
            url = None
        if not isinstance(url, str) or not _is_address(url):
            raise Refused("a command is a piece of a bundle, or an https address")
        _refuse_in_place()
        if self._failed is not None and time.ticks_diff(ticks(), self._failed) > _AGAIN_MS:
            self._failed = None
            self._settled = ""
        if not self._url and url != self._settled:
            self._url = url

    def _piece(self, at: int, total: int, data: memoryview) -> None:
        if at == 0:
            _refuse_in_place()
            self._drop()
            self._unpacker = self._new_unpacker(total)
        unpacker = self._unpacker
        # Another one has come twice, or follows one that was refused or lost.
        if unpacker and total == unpacker.total and at == unpacker.have:
            if at + len(data) > total:
                raise Refused("a piece reaches beyond the end of its bundle")
            self._take(data)
            self.has_more = True

    def _new_unpacker(self, total: int) -> Unpacker:
        modulus = self._store.secret("update_key") or b""
        return Unpacker(total, modulus, __version__, self._meanwhile)

    def _take(self, data: "bytes | memoryview") -> None:
        unpacker = self._unpacker
        assert unpacker
        unpacker.write(data)
        if unpacker.version:
            self._unpacker = None
            self._tell("%s is unpacked and starts now" % unpacker.version)
            self.ready = True

    def _drop(self) -> None:
        if self._unpacker:
            self._unpacker.close()
            self._unpacker = None

    def _give_up(self, why: Exception) -> None:
        self._drop()
        if isinstance(why, OSError) and why.errno == _NO_SPACE:
            self._tell("refused: the flash is full")
        elif isinstance(why, MemoryError):
            self._tell("refused: no memory to unpack it")
        else:
            self._tell("refused: %s" % why)

    def _tell(self, text: str) -> None:
        self.text = text
        self.news = True
        say("update", text)

    async def fetch(self, alive: "Callable[[], None]") -> None:
        """Downloads for a while, or to the end. If it ends early, is_waiting stays True."""
        url, self._url = self._url, ""
        if url != self._settled:
            self._settled = url
            self._tell("fetching")
        try:
            if await self._session(url, alive):
                self._url = url
        except Exception as why:  # getaddrinfo and TLS raise much
            if isinstance(why, OSError) and why.errno != _NO_SPACE:
                self._failed = ticks()  # it may come through another time
            self._give_up(why)

    def _security(self) -> "tls.SSLContext":
        ca = self._store.secret("update_ca") or self._store.secret("broker_ca")
        if not ca:
            raise Refused("there is no CA to verify the server")
        return broker.context(ca, None, None)

    async def _session(self, url: str, alive: "Callable[[], None]") -> bool:
        """One connection to the server. Whether the next one is to go on from here."""
        security = self._security()
        host, _, path = url[8:].partition("/")
        name, _, digits = host.partition(":")
        port = int(digits or "443")
        have = self._unpacker.have if self._unpacker else 0
        sock = await connection.connect(name, port)
        opened = connection.Connection(sock, self._meanwhile)
        until = time.ticks_add(time.ticks_ms(), _SESSION_MS)
        try:
            opened.allow(_ANSWER_MS)
            opened.begin(security, name)
            opened.write(
                b"GET /%s HTTP/1.0\r\nHost: %s\r\nRange: bytes=%d-\r\n\r\n"
                % (path.encode(), host.encode(), have)
            )
            status, left = _head(opened)
            goes_on = status == "206"  # the server can begin anywhere
            if have and not goes_on:
                raise Refused("the server does not continue where it ended")
            if not have:
                if not 0 < left <= BYTES_MAX:
                    raise Refused("a bundle is at most %d bytes long" % BYTES_MAX)
                self._drop()
                self._unpacker = self._new_unpacker(left)
            while self._unpacker:
                opened.allow(_ANSWER_MS)
                left = self._unpacker.total - self._unpacker.have
                self._take(opened.read(min(left, _PIECE)) or b"")
                alive()
                await asyncio.sleep_ms(0)
                if goes_on and time.ticks_diff(until, time.ticks_ms()) < 0:
                    break
        finally:
            opened.close()
        return self._unpacker is not None


def _refuse_in_place() -> None:
    if slots.is_in_place():
        raise Refused("the firmware is part of this board's image; flash a new image by cable")


def _is_address(url: str) -> bool:
    """https://HOST[:PORT]/PATH without blanks and control characters, which would end a header."""
    if not url.startswith("https://"):
        return False
    for c in url:
        if not "!" <= c <= "~":
            return False
    host, _, port = url[8:].partition("/")[0].partition(":")
    return bool(host) and (not port or (port.isdigit() and len(port) < 6 and 0 < int(port) < 65536))


def _head(opened: connection.Connection) -> "tuple[str, int]":
    """(status code, length of what follows). Reads byte by byte, because the bundle follows."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        if len(head) > _HEAD_MAX:
            raise Refused("the server's answer is not a bundle")
        head += opened.read(1) or b""
    lines = head.decode().split("\r\n")
    status = (lines[0].split(" ") + [""])[1]
    if status not in ("200", "206"):
        raise Refused("the server says: %s" % lines[0][:40])
    for line in lines:
        name, _, value = line.partition(":")
        if name.lower() == "content-length":
            return status, int(value)
    raise Refused("the server does not send the bundle's length")
