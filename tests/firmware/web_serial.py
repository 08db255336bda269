"""navigator.serial in a headless Chromium: a port that leads to a virtual board by WebSocket.

Bytes are binary messages. The signals DTR and RTS come as JSON, and act as on a board with the
usual reset circuit: when RTS ends the reset, DTR decides whether the ROM's loader starts.
"""

import contextlib
import json
import os
import select
import threading
from collections.abc import Callable
from types import TracebackType

from websockets.exceptions import ConnectionClosed
from websockets.sync.server import Server, ServerConnection, serve

from tests.firmware.rom_loader import RomLoader

# The class of the specification, as far as the page and esptool-js use it.
SCRIPT = """
(() => {
  class Port extends EventTarget {
    readable = null;
    writable = null;
    getInfo() { return {usbVendorId: 0x10c4, usbProductId: 0xea60}; }
    async open() {
      if (this.readable) throw new DOMException("The port is already open.", "InvalidStateError");
      const socket = new WebSocket("%s");
      socket.binaryType = "arraybuffer";
      await new Promise((resolve, reject) => {
        socket.onopen = resolve;
        socket.onerror = () => reject(new DOMException("Failed to open.", "NetworkError"));
      });
      this.socket = socket;
      const port = this;
      this.readable = new ReadableStream({
        start(controller) {
          socket.onmessage = ({data}) => controller.enqueue(new Uint8Array(data));
          socket.onclose = () => {
            port.readable = port.writable = null;
            controller.error(new DOMException("The device has been lost.", "NetworkError"));
          };
        },
        cancel() { socket.onmessage = socket.onclose = null; },
      });
      this.writable = new WritableStream({ write(data) { socket.send(data); } });
    }
    async close() {
      if (!this.readable) throw new DOMException("The port is closed.", "InvalidStateError");
      if (this.readable.locked || this.writable.locked) throw new TypeError("a stream is locked");
      const gone = new Promise((resolve) => this.socket.addEventListener("close", resolve));
      this.socket.onmessage = this.socket.onclose = null;
      this.socket.close();
      await gone;
      this.readable = this.writable = null;
    }
    async setSignals(signals) { this.socket.send(JSON.stringify(signals)); }
    async getSignals() { return {}; }
    async forget() {}
  }
  const port = new Port();
  const serial = { requestPort: async () => port, getPorts: async () => [port] };
  Object.defineProperty(Navigator.prototype, "serial", { get: () => serial, configurable: true });
})();
"""


class Bridge:
    """A board's serial port, from its making to close().

    tty: the path of the board's console, or None while it has no MicroPython.
    loader: the ROM's loader; booted() is called when a reset leaves it, and gives the tty.
    """

    def __init__(
        self,
        tty: str | None,
        loader: RomLoader | None = None,
        booted: Callable[[], str | None] = lambda: None,
    ) -> None:
        self._tty = tty
        self._loader = loader
        self._booted = booted
        self._is_loading = False
        self._dtr = self._rts = False
        self._client: ServerConnection | None = None
        self._server: Server = serve(
            self._serve, "127.0.0.1", 0, compression=None, ping_interval=None
        )
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def script(self) -> str:
        """For page.add_init_script()."""
        return SCRIPT % f"ws://127.0.0.1:{self._server.socket.getsockname()[1]}"

    def unplug(self) -> None:
        """The port is gone; it can be opened again."""
        assert self._client
        self._client.close()

    def __enter__(self) -> "Bridge":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()

    def _serve(self, client: ServerConnection) -> None:
        self._client = client
        over = threading.Event()
        reader: threading.Thread | None = None
        console = -1
        with contextlib.suppress(ConnectionClosed):
            while True:
                if console < 0 and self._tty:
                    console = os.open(self._tty, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
                    reader = threading.Thread(target=_carry, args=(console, client, over))
                    reader.start()
                data = client.recv()
                if isinstance(data, str):
                    self._signals(json.loads(data))
                elif self._is_loading and self._loader:
                    for packet in self._loader.take(data):
                        client.send(packet)
                elif console >= 0:
                    _write(console, data)
        over.set()
        if reader:
            reader.join()
            os.close(console)

    def _signals(self, signals: dict[str, bool]) -> None:
        before = self._rts
        self._dtr = signals.get("dataTerminalReady", self._dtr)
        self._rts = signals.get("requestToSend", self._rts)
        if not (before and not self._rts and self._loader):
            return
        self._is_loading = self._dtr
        if self._is_loading:
            self._loader.reset()
        else:
            self._tty = self._booted()


def _carry(console: int, client: ServerConnection, over: threading.Event) -> None:
    with contextlib.suppress(ConnectionClosed, OSError):
        while not over.is_set():
            if select.select([console], [], [], 0.1)[0]:
                client.send(os.read(console, 4096))


def _write(console: int, data: bytes) -> None:
    while data:
        select.select([], [console], [], 5)
        with contextlib.suppress(BlockingIOError):
            data = data[os.write(console, data) :]
