"""Reads a meter on a serial port of this machine, or on socket:// or rfc2217://."""

import json
import threading
import time
from collections import Counter
from contextlib import closing

import smartmeter
from smartmeter import Fault, Reading, Receiver, submeters
from smartmeter.dialog.line_search import NO_BYTES, NO_FRAME, NO_KEY, READINGS, Search, name
from smartmeter.dialog.polling import addresses
from smartmeter.tariffs import withheld
from smartmeter.wire import topics
from smartmeter.wire.reading_encoder import included, stamp, to_json
from smartmeter_service.errors import reason_of
from smartmeter_service.threads import RestartedThread

from ..config.settings import PortSettings
from ..monitoring.registry import Registry, log, now_text
from ..spool.batch import Batch
from .pipeline import Pipeline
from .serial_line import Event, SerialLine
from .validation import NONE_WANTED, VALUES, Refused

_RETRY_S = 1.0  # between two attempts to open a port
_SILENT_S = 60.0  # without a reading: the longest push interval in use is 15 s, or a minute
_STATUS_S = 60.0


class SerialSource:
    """One port: opens it, feeds the Receiver, spools readings; reopens it if the device went."""

    def __init__(
        self,
        settings: PortSettings,
        pipeline: Pipeline,
        registry: Registry,
    ) -> None:
        self._settings = settings
        self._pipeline = pipeline
        self._registry = registry
        self._receiver = Receiver(
            settings.key,
            settings.auth_key,
            settings.link,
            settings.profile,
            settings.zone,
            settings.unencrypted,
            settings.ratio,
            submeters=submeters.are_named(settings.meter, settings.values),
        )
        asked = addresses(settings.address) if settings.poll == "m-bus" else []
        if len(asked) > 1:
            self._receiver.bus = tuple(asked)
        self._submeters = submeters.Changes()
        self._guard = pipeline.guard(settings.meter)
        self._receiver.counters = self._guard.counters
        self._receiver.times = self._guard.times
        searching = settings.baud is None and settings.poll == "no"
        self._search = Search(inverted=False) if searching else None
        self.name = f"port {settings.device}"
        # It starts from the clock, so that a restart never repeats a number.
        self._seq = int(time.time() * 1000)
        self._readings = 0
        self._faults: Counter[str] = Counter()
        self._progress = NO_BYTES
        self._last_reading = time.monotonic()
        # a meter that is asked once an hour is not silent in between
        self._silent_s = max(_SILENT_S, 3.0 * settings.interval if settings.poll != "no" else 0)
        self._silent = False
        self._open = False
        self._told_at = -_STATUS_S
        self._stopping = threading.Event()
        self._thread = RestartedThread(self.name, self._run, registry.own_fault)

    def start(self) -> None:
        self._thread.start()

    def stop(self, timeout: float) -> None:
        """Say that this meter is no longer read, and end."""
        self._stopping.set()
        self._thread.join(timeout)
        self._tell("offline")

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._visit()
            except Exception:
                # A fault of this program; it must not end the other ports.
                self._registry.own_fault(self.name)
            self._open = False
            self._note_silence()
            self._stopping.wait(_RETRY_S)

    def _visit(self) -> None:
        """Open the port and read it until the device is gone or stop() is called."""
        try:
            line = SerialLine(self._settings, self._receiver, self._search)
        except (OSError, ValueError) as why:  # serial.SerialException is an OSError
            # pyserial wraps the error of the system.
            cause = why.__context__ if isinstance(why.__context__, OSError) else why
            self._registry.link(self.name, False, reason_of(cause))
            return
        self._registry.link(self.name, True)
        self._open = True
        with closing(line):
            try:
                while not self._stopping.is_set():
                    self._take(line.read())
                    if line.bytes and self._progress == NO_BYTES:
                        self._progress = NO_FRAME
                    self._note_silence()
            except OSError:
                self._registry.link(self.name, False, "the device is gone")
                self._take(self._receiver.flush())

    def _take(self, events: list[Event]) -> None:
        for event in events:
            if isinstance(event, Fault):
                self._fault(event)
            elif event.channel:
                self._submeter(event)
            else:
                self._reading(event)

    def _reading(self, reading: Reading) -> None:
        self._seq += 1
        stamp(reading, now_text(), self._seq)
        payload = to_json(reading, self._settings.values).encode()
        try:
            if not payload:
                raise Refused(VALUES, NONE_WANTED)
            self._put(topics.READING, payload, Batch())
        except Refused as why:
            self._refused(why, self._settings.meter)
            return
        self._registry.withheld(self._settings.meter, withheld(self._receiver.rows))
        self._readings += 1
        self._last_reading = time.monotonic()
        self._silent = False
        if self._progress != READINGS:
            found = f" at {name(self._search.setting)}" if self._search else ""
            log.info("%s: readings come%s", self.name, found)
            self._progress = READINGS
            self._tell("online")

    def _submeter(self, reading: Reading) -> None:
        """Gas, water or the like, if its own time or value has changed."""
        if not included(reading, self._settings.values or ()) or not self._submeters.is_new(
            reading
        ):
            return
        stamp(reading, now_text(), self._seq)
        payload = to_json(reading, self._settings.values).encode()
        meter = submeters.id_of(self._settings.meter, reading.channel)
        try:
            self._put(topics.READING, payload, Batch(), meter)
        except Refused as why:
            self._refused(why, meter)

    def _refused(self, why: Refused, meter: str) -> None:
        self._registry.refuse(why.kind, why.detail, self.name, meter=meter, field=why.field)

    def _fault(self, fault: Fault) -> None:
        self._faults[fault.kind] += 1
        self._registry.faults[fault.kind] += 1
        if self._faults[fault.kind] == 1:
            log.warning("%s: %s (logged once, counted as %s)", self.name, fault.detail, fault.kind)
        if fault.kind in ("key", "tag") and self._progress != READINGS:
            self._progress = NO_KEY

    def _note_silence(self) -> None:
        now = time.monotonic()
        silent = now - self._last_reading > self._silent_s
        if silent != self._silent:
            self._silent = silent
            self._progress = NO_BYTES if silent else self._progress
            if silent:
                log.warning("%s: no reading for %d s", self.name, int(self._silent_s))
        if now - self._told_at > _STATUS_S:
            self._tell("online" if self._open else "offline")

    def _tell(self, state: str) -> None:
        """This meter's status, as an adapter would publish it."""
        self._told_at = now = time.monotonic()
        document = {
            "state": state,
            "time": now_text(),
            "version": smartmeter.__version__,
            "port": self._settings.device,
            "progress": self._search.progress if self._search else self._progress,
            "readings": self._readings,
            "faults": dict(self._faults),
            "silent": int(now - self._last_reading),
        }
        batch = Batch(replay_guards={self._settings.meter: self._guard.kept()})
        self._put(topics.STATUS, json.dumps(document).encode(), batch)

    def _put(self, specific: str, payload: bytes, batch: Batch, meter: str = "") -> None:
        """meter: a sub-meter's id, or "" for the port's own meter."""
        meter = meter or self._settings.meter
        self._pipeline.take(batch, meter, specific, payload, self.name)
        self._pipeline.put(batch)
