"""Receives a new version: pushed over MQTT in pieces, or downloaded over HTTPS.

A command on the adapter's command topic is a piece of a bundle or JSON {"url": "https://..."}. A
piece begins with its place and the bundle's length (4 bytes each, big endian).
"""

import asyncio
import json
import os

import slots
from smartmeter import __version__

from . import connection
from .bundle import BYTES_MAX, Refused, install
from .console import say

TYPE_CHECKING = False  # what follows is for mypy; a device has no typing
if TYPE_CHECKING:
    from collections.abc import Callable

    import tls

PART = "update.part"
_FETCH_MS = 10_000  # for each answer of the server
_PIECE = 1024
_HEAD_MAX = 4096
_NO_SPACE = 28  # ENOSPC, which has no name in an ESP32's errno


class Update:
    """ready: a version is unpacked, and the next start tries it. text: for the status."""

    def __init__(
        self,
        modulus: bytes,
        security: "tls.SSLContext",
        meanwhile: "Callable[[], None]",
    ) -> None:
        self._modulus = modulus
        self._security = security
        self._meanwhile = meanwhile
        self._have = 0
        self._total = 0
        self._url = ""
        self._settled = ""  # the last address that was fetched, with or without success
        found = slots.state() or {}
        self.text = ""
        if "given_up" in found:
            self.text = "%s did not work and was given up" % found["given_up"]
        self.ready = False
        self.news = False  # text was set and nobody has published it yet

    def command(self, payload: bytes) -> None:
        """Takes a command; what takes long is left to work()."""
        if payload[:1] == b"{":
            try:
                url = json.loads(payload)["url"]
            except (ValueError, KeyError, TypeError):
                url = None
            if isinstance(url, str) and _is_address(url):
                if url != self._settled:  # one that is retained comes at each connection
                    self._url = url
            else:
                self._tell("refused: a command is a piece of a bundle, or an https address")
        elif len(payload) > 8:
            self._piece(
                int.from_bytes(payload[:4], "big"), int.from_bytes(payload[4:8], "big"), payload[8:]
            )

    def _piece(self, at: int, total: int, data: bytes) -> None:
        if at == 0:
            self._total = total
            self._have = 0
        if not 0 < total <= BYTES_MAX or total != self._total or at + len(data) > total:
            self._tell("refused: a bundle is at most %d bytes long" % BYTES_MAX)
        elif at == self._have:  # another is one that came twice, or follows a lost one
            try:
                with open(PART, "ab" if at else "wb") as f:
                    f.write(data)
            except OSError as why:
                self._give_up(why)
            else:
                self._have += len(data)

    @property
    def has_more(self) -> bool:
        """Whether pieces are arriving."""
        return self._have < self._total

    async def work(self) -> None:
        """Downloads, checks and unpacks, if there is something to do."""
        try:
            if self._url:
                self._settled, self._url = self._url, ""
                self._tell("fetching")
                await self._fetch(self._settled)
            if self._total and self._have == self._total:
                self._total = self._have = 0
                version = await install(PART, self._modulus, __version__)
                self._tell("%s is unpacked and starts now" % version)
                self.ready = True
        except Exception as why:  # getaddrinfo and TLS raise much; a retained command comes again
            if isinstance(why, OSError) and why.errno != _NO_SPACE:
                self._settled = ""  # it was on the way, and may come through the next time
            self._give_up(why)

    def _give_up(self, why: Exception) -> None:
        self._total = self._have = 0
        _remove(PART)
        self._tell("refused: %s" % _reason(why))

    def _tell(self, text: str) -> None:
        self.text = text
        self.news = True
        say("update", text)

    async def _fetch(self, url: str) -> None:
        host, _, path = url[8:].partition("/")
        name, _, port = host.partition(":")
        sock = await connection.connect(name, int(port or "443"))
        opened = connection.Connection(sock, self._meanwhile)
        try:
            opened.allow(_FETCH_MS)
            opened.encipher(self._security, name)
            opened.write(b"GET /%s HTTP/1.0\r\nHost: %s\r\n\r\n" % (path.encode(), host.encode()))
            length = _length(opened)
            if not 0 < length <= BYTES_MAX:
                raise Refused("a bundle is at most %d bytes long" % BYTES_MAX)
            with open(PART, "wb") as f:
                left = length
                while left:
                    opened.allow(_FETCH_MS)
                    piece = opened.read(min(left, _PIECE)) or b""
                    f.write(piece)
                    left -= len(piece)
                    await asyncio.sleep_ms(0)
            self._total = self._have = length
        finally:
            opened.close()


def _is_address(url: str) -> bool:
    """https://HOST[:PORT]/PATH without blanks and control characters, which would end a header."""
    if not url.startswith("https://"):
        return False
    for c in url:
        if not "!" <= c <= "~":
            return False
    host, _, port = url[8:].partition("/")[0].partition(":")
    return bool(host) and (not port or (port.isdigit() and len(port) < 6 and 0 < int(port) < 65536))


def _length(opened: connection.Connection) -> int:
    """Reads the head of an answer byte by byte, because the bundle follows."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        if len(head) > _HEAD_MAX:
            raise Refused("the server's answer is not a bundle")
        head += opened.read(1) or b""
    lines = head.decode().split("\r\n")
    if lines[0].split(" ")[1:2] != ["200"]:
        raise Refused("the server says: %s" % lines[0][:40])
    for line in lines:
        name, _, value = line.partition(":")
        if name.lower() == "content-length":
            return int(value)
    raise Refused("the server does not send the bundle's length")


def _reason(why: Exception) -> str:
    if isinstance(why, OSError) and why.errno == _NO_SPACE:
        return "the flash is full"
    return str(why)


def _remove(path: str) -> None:
    try:
        os.remove(path)
    except OSError:
        pass
