"""What the adapter tells of itself every minute, retained, on the topic `status`."""

import gc
import json

from smartmeter import __version__

TYPE_CHECKING = False  # what follows is for mypy; a device has no typing
if TYPE_CHECKING:
    from .clock import Clock
    from .health import Health
    from .meter import Meter
    from .network import Ethernet, Wifi
    from .outbox import Outbox
    from .port import Port


class Status:
    def __init__(
        self,
        meter: "Meter",
        port: "Port",
        network: "Wifi | Ethernet",
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
        gc.collect()  # or `heap` would tell of garbage
        document: "dict[str, object]" = {
            "state": "safe" if self._health.safe else "online",
            "time": self._clock.text(),
            "version": __version__,
            "uptime": self._clock.uptime(),
            "reset": self._health.reset,
            "progress": meter.progress,
            "line": meter.line,
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
            "ntp_failures": self._clock.failures,
        }
        further = {
            "clock_set": self._clock.set_at,
            "clock_offset": meter.ahead,
            "rssi": self._network.rssi(),
            "last_crash": self._health.last_crash or None,
            "restart": self._health.restart or None,
        }
        for group in (publishing, further):
            for name, value in group.items():
                if value is not None:
                    document[name] = value
        return json.dumps(document).encode()
