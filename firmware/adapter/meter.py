"""Reads the meter: bytes of the port through the core's Receiver into the outbox."""

import asyncio
import time

from .console import say

_POLL_MS = 20
# A pause this long ends a telegram: longer than the 160 ms between the M-Bus frames of one.
_IDLE_MS = 1500
_SILENT_S = 60  # without a reading; the longest push interval in use is a minute
_REOPEN_S = 300  # a port that has been silent for so long is set up anew, and again
_KINDS_MAX = 16

NO_BYTES = "no bytes"
NO_FRAME = "bytes but no frame"
NO_KEY = "frames but no key"
READINGS = "readings"


class Meter:
    """Counters are public: the status tells them."""

    def __init__(self, port, receiver, outbox, clock, values):
        self._port = port
        self._receiver = receiver
        self._outbox = outbox
        self._clock = clock
        self._values = values
        self._seq = 0
        self._idle = True
        self._last_byte = time.ticks_ms()
        self._reopen_at = _REOPEN_S
        self._said = ""
        self.bytes = 0
        self.readings = 0
        self.faults = {}
        self.heard = 0  # uptime of the last reading
        self.looked = 0  # uptime of the last look at the port: this task lives
        self.progress = NO_BYTES

    async def run(self):
        while True:
            self.step()
            await asyncio.sleep_ms(_POLL_MS)

    def step(self):
        data = self._port.take()
        now = time.ticks_ms()
        self.looked = self._clock.uptime()
        if data:
            self._last_byte = now
            self._idle = False
            if not self.bytes:
                say("meter", "bytes come")
            self.bytes += len(data)
            if self.progress == NO_BYTES:
                self.progress = NO_FRAME
            self._take(self._receiver.feed(data))
        elif not self._idle and time.ticks_diff(now, self._last_byte) > _IDLE_MS:
            self._idle = True
            self._take(self._receiver.flush())
        if self.silent() > _SILENT_S:
            self._silence()

    def silent(self):
        """Seconds since the last reading, or since the start."""
        return self._clock.uptime() - self.heard

    def _take(self, events):
        for event in events:
            if hasattr(event, "kind"):
                self._fault(event)
            else:
                self._reading(event)

    def _reading(self, reading):
        self._seq += 1
        self.readings += 1
        self.heard = self._clock.uptime()
        self._reopen_at = _REOPEN_S
        if self.progress != READINGS:
            self.progress = READINGS
            count = len([c for c in self._values if c in reading.values])
            say("meter", "readings come: %d values, auth %s" % (count, reading.auth))
        if reading.time is not None:
            reading.stamp(reading.time, self._seq)
            payload = reading.to_json(self._values).encode()
            self._outbox.put(payload, len(payload))
        else:
            reading.seq = self._seq if reading.seq is None else reading.seq
            reading.payload = b""
            self._outbox.put(reading, 2048)

    def _fault(self, fault):
        kind = fault.kind
        if kind not in self.faults and len(self.faults) < _KINDS_MAX:
            self.faults[kind] = 0
            say("meter", "%s: %s" % (kind, fault.detail))
        if kind in self.faults:
            self.faults[kind] += 1
        if kind in ("key", "tag") and self.progress != READINGS:
            self.progress = NO_KEY

    def _silence(self):
        if self.progress == READINGS:
            self.progress = NO_BYTES
            say("meter", "no reading for %d s" % _SILENT_S)
        if self.silent() > self._reopen_at:
            self._reopen_at += _REOPEN_S
            self._port.open()
