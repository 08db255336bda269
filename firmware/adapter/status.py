"""What the adapter tells of itself every minute, retained, on the topic `status`."""

import gc
import json

from smartmeter import __version__

_RESETS = {1: "power", 2: "hard", 3: "watchdog", 4: "deep sleep", 5: "soft"}


class Status:
    def __init__(self, meter, port, network, clock, outbox, values):
        import machine

        self._meter = meter
        self._port = port
        self._network = network
        self._clock = clock
        self._outbox = outbox
        self.values = values
        self._reset = _RESETS.get(machine.reset_cause(), "unknown")

    def document(self, publisher):
        """The JSON of the message, bytes."""
        meter = self._meter
        document = {
            "state": "online",
            "time": self._clock.text(),
            "version": __version__,
            "uptime": self._clock.uptime(),
            "reset": self._reset,
            "progress": meter.progress,
            "bytes": meter.bytes,
            "readings": meter.readings,
            "faults": meter.faults,
            "silent": meter.silent(),
            "overflow": self._port.overflow,
            "published": publisher.published,
            "waiting": len(self._outbox),
            "dropped": self._outbox.dropped,
            "connects": publisher.connects,
            "heap": gc.mem_free(),
        }
        if publisher.last_trouble:
            document["last_trouble"] = publisher.last_trouble
        rssi = self._network.rssi()
        if rssi is not None:
            document["rssi"] = rssi
        return json.dumps(document).encode()
