"""The adapter's status, published every minute, retained, on the topic `status`."""

import gc
import json

import esp32
from smartmeter import __version__

TYPE_CHECKING = False  # what follows is for mypy; a device has no typing
if TYPE_CHECKING:
    from .clock import Clock
    from .health import Health
    from .meter import Meter
    from .network import Wifi
    from .outbox import Outbox
    from .port import Port


_PSRAM_MIN = 1_000_000  # bytes; a chip alone has 0.5 MB


class Status:
    def __init__(
        self,
        meter: "Meter",
        port: "Port",
        network: "Wifi",
        clock: "Clock",
        outbox: "Outbox",
        health: "Health",
    ) -> None:
        self._meter = meter
        self._port = port
        self._network = network
        self._clock = clock
        self._outbox = outbox
        self._health = health
        self._idf: "list[int]" = []

    def measure(self) -> int:
        """Bytes of heap that are free after a collection; the outbox takes its part of them."""
        gc.collect()
        heap = gc.mem_free()
        size = free = largest = least = 0
        for of_region, of_it_free, in_one_piece, at_least in esp32.idf_heap_info(esp32.HEAP_DATA):
            size += of_region
            free += of_it_free
            largest = max(largest, in_one_piece)
            least += at_least
        # Memory that Wi-Fi and TLS take theirs from: free, in one piece, and least so far. The port
        # counts the piece as free heap (modgc.c), but without PSRAM it must not become that.
        self._idf = [free, largest, least]
        if size < _PSRAM_MIN:
            heap -= largest
        self._outbox.resize(heap)
        return heap

    def document(self, publishing: "dict[str, object]") -> bytes:
        """The JSON of the message: with publishing, what the publisher says; None is left out."""
        meter = self._meter
        heap = self.measure()
        document: "dict[str, object]" = {
            "state": "safe" if self._health.safe else "online",
            "version": __version__,
            "uptime": self._clock.uptime(),
            "reset": self._health.reset,
            "progress": meter.progress,
            "line": self._port.line,
            "bytes": meter.bytes,
            "readings": meter.readings,
            "faults": meter.faults,
            "silent": meter.silent(),
            "overflow": self._port.overflow,
            "waiting": len(self._outbox),
            "dropped": self._outbox.dropped,
            "repeated": self._outbox.repeated,
            "left_out": meter.left_out,
            "heap": heap,
            "idf": self._idf,
            "ntp_failures": self._clock.failures,
        }
        further = {
            "time": self._clock.text(),
            "clock_set": self._clock.set_at,
            "clock_offset": meter.ahead,
            "withheld": meter.withheld,
            "rssi": self._network.rssi(),
            "last_crash": self._health.last_crash or None,
            "restart": self._health.restart or None,
        }
        for group in (publishing, further):
            for name, value in group.items():
                if value is not None:
                    document[name] = value
        return json.dumps(document).encode()
