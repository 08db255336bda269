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

    def document(self, publishing: "dict[str, object]") -> bytes:
        """The JSON of the message: with publishing, what the publisher says; None is left out."""
        meter = self._meter
        gc.collect()  # otherwise `heap` would include garbage
        self._outbox.resize(gc.mem_free())
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
            "heap": gc.mem_free(),
            "idf": _idf_heap(),
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


def _idf_heap() -> "list[int]":
    """Memory that Wi-Fi and TLS take theirs from: bytes free, in one piece, and least so far."""
    free = largest = least = 0
    for _, of_it_free, in_one_piece, at_least in esp32.idf_heap_info(esp32.HEAP_DATA):
        free += of_it_free
        largest = max(largest, in_one_piece)
        least += at_least
    return [free, largest, least]
