"""A TCP proxy on the loopback whose connections can be cut, delayed or swallowed."""

import asyncio
import threading

PASS, DELAY, SWALLOW = "pass", "delay", "swallow"


class Proxy:
    """Listens on .port, from start() to stop(), and forwards to `target` on the loopback.

    port: where to listen; any free one by itself.
    """

    def __init__(self, target: int, port: int = 0) -> None:
        self.port = port
        self.mode = PASS
        self.delay = 0.0
        self._target = target
        self._loop = asyncio.new_event_loop()
        self._writers: set[asyncio.StreamWriter] = set()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> "Proxy":
        self._thread.start()
        assert self._ready.wait(60)
        return self

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(60)

    def cut(self) -> None:
        """End every connection at once, with a reset."""
        self._loop.call_soon_threadsafe(self._cut)

    def _cut(self) -> None:
        for writer in self._writers:
            writer.transport.abort()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(
            asyncio.start_server(self._connection, "127.0.0.1", self.port)
        )
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        self._loop.run_forever()
        self._cut()
        server.close()
        left = asyncio.all_tasks(self._loop)
        for task in left:
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
        self._loop.close()

    async def _connection(self, near: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        self._writers.add(back)
        try:
            far, forth = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            back.transport.abort()
            self._writers.discard(back)
            return
        self._writers.add(forth)
        ways = self._forward(near, forth), self._forward(far, back)
        await asyncio.gather(*ways, return_exceptions=True)
        for writer in (back, forth):
            self._writers.discard(writer)
            writer.transport.abort()

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            if self.mode == SWALLOW:
                # What is swallowed must not be missed later in the middle of a packet.
                while self.mode == SWALLOW:
                    await asyncio.sleep(0.05)
                break
            if self.mode == DELAY:
                await asyncio.sleep(self.delay)
            writer.write(data)
            await writer.drain()
        writer.transport.abort()
