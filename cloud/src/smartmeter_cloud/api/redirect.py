"""Whoever comes without TLS is told the address with it, and nothing else."""

import asyncio
import contextlib
import socket
from urllib.parse import urlsplit

_HEAD_MAX = 8192
_SECONDS = 5.0  # for a request to come and its answer to go
_AT_A_TIME = 200


class Redirect:
    """Answers 308 on a listening socket; names: what this server may be called by."""

    def __init__(self, listener: socket.socket, port: int, names: tuple[str, ...]) -> None:
        self._listener = listener
        self._port = port
        self._names = names
        self._busy = 0
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, sock=self._listener, limit=_HEAD_MAX)

    def close(self) -> None:
        if self._server:
            self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._busy += 1
        try:
            # What is cut short, too long or too slow gets no answer.
            with contextlib.suppress(OSError, TimeoutError, ValueError, EOFError):
                if self._busy <= _AT_A_TIME:
                    async with asyncio.timeout(_SECONDS):
                        head = await reader.readuntil(b"\r\n\r\n")
                        writer.write(self._answer(head))
                        await writer.drain()
        except asyncio.LimitOverrunError:
            pass
        finally:
            self._busy -= 1
            writer.close()

    def _answer(self, head: bytes) -> bytes:
        """ValueError for what is no request."""
        first, *lines = head.decode("latin-1").split("\r\n")
        _, target, _ = first.split(" ")
        fields = (line.partition(":") for line in lines)
        host = next((value.strip() for name, _, value in fields if name.lower() == "host"), "")
        name = urlsplit(f"//{host}").hostname or ""
        path = target if target.startswith("/") and target.isprintable() else "/"
        if name not in self._names:
            # Else this would lead to wherever a request says.
            status, more = "400 Bad Request", ""
        else:
            shown = f"[{name}]" if ":" in name else name
            port = "" if self._port == 443 else f":{self._port}"
            status, more = "308 Permanent Redirect", f"Location: https://{shown}{port}{path}\r\n"
        return f"HTTP/1.1 {status}\r\n{more}Content-Length: 0\r\nConnection: close\r\n\r\n".encode()
