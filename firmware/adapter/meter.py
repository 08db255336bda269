"""Reads the meter: bytes of the port through the core's Receiver into the outbox."""

import asyncio
import gc
import time

from smartmeter import ALLOWED, Fault
from smartmeter.receiver import Receiver
from smartmeter.wire import topics

from .clock import ticks
from .console import advise, say
from .health import Restart
from .progress import NO_BYTES, NO_FRAME, NO_KEY, READINGS

TYPE_CHECKING = False  # what follows is for mypy; a device has no typing
if TYPE_CHECKING:
    from smartmeter import Reading
    from smartmeter.dialog.line_search import Search
    from smartmeter.submeters import Changes

    from .clock import Clock
    from .outbox import Outbox
    from .port import Port
    from .settings import Document, Section, Store
    from .thinning import Thinning

_POLL_MS = 20
# A pause this long ends a telegram: longer than the 160 ms between the M-Bus frames of one.
_IDLE_MS = 1500
_SILENT_S = 60  # without a reading; the longest push interval in use is a minute
_REOPEN_S = 300  # a port that has been silent for so long is set up again, and again


class Meter:
    """Counters are public, for the status."""

    def __init__(
        self,
        port: "Port",
        settings: "Document",
        store: "Store",
        outbox: "Outbox",
        clock: "Clock",
    ) -> None:
        self._port = port
        self._settings: "Section" = settings["meter"]
        self._store = store
        self._outbox = outbox
        self._clock = clock
        publish = settings["publish"]
        self._values: "list[str]" = publish["values"]
        self._what: "list[str]" = publish["what"]
        self._reads = topics.READING in self._what  # otherwise no decoder is loaded
        self._thinning: "Thinning | None" = None
        if publish["interval"] or publish["deadband"]:
            from .thinning import Thinning

            self._thinning = Thinning(publish)
        self._submeters: "Changes | None" = None
        if self._reads:
            self._submeters = _changes(self._settings, self._values)
        self._receiver = self._new_receiver(None)
        self._search: "Search | None" = None
        self._tried = 0  # settings that a search has left behind
        self._seq = 0
        self._idle = True
        self._last_byte = ticks()
        self._reopen_at = _REOPEN_S
        self.bytes = 0
        self.readings = 0
        self.faults: "dict[str, int]" = {}
        self.heard = 0  # uptime of the last reading
        self.looked = 0  # uptime of the last look at the port: this task lives
        self.progress = NO_BYTES
        self.ahead: int | None = None  # of our clock, the meter's, in seconds

    @property
    def left_out(self) -> int:
        return self._thinning.left_out if self._thinning else 0

    @property
    def withheld(self) -> str | None:
        """A sentence on a total that is left out because tariffs are missing."""
        rows = self._receiver.rows
        if not rows:
            return None
        from smartmeter.tariffs import withheld  # loaded already, since there are rows

        return withheld(rows) or None

    def _new_receiver(self, link: str | None) -> Receiver:
        """link: the one that was found earlier on this line, if any."""
        secret = self._store.secret
        receiver = Receiver(
            secret("meter_key"),
            secret("meter_auth_key"),
            self._settings["link"] or link,
            self._settings["profile"],
            self._settings["zone"],
            self._settings["unencrypted"],
            self._settings["ratio"],
        )
        # texts cost heap, so only for who asks for more than usual
        receiver.submeters = self._submeters is not None
        if _is_bus(self._settings):
            from smartmeter.dialog.polling import addresses  # loaded already, since it asks

            receiver.bus = tuple(addresses(self._settings["address"]))
        receiver.extras = bool([c for c in self._values if c not in ALLOWED])
        receiver.reads = self._reads
        return receiver

    def search(self) -> None:
        """Opens the port, and looks for the line's setting."""
        from smartmeter.dialog.line_search import Search

        from .line_setting import parse

        found, link = self._store.line_found()
        self._search = Search(parse(found) if found else None)
        # Then noise loads no module but this link's.
        self._receiver = self._new_receiver(link)
        self._port.open(self._search.setting)

    async def run(self) -> None:
        while True:
            has_more = self.step()
            await asyncio.sleep_ms(0 if has_more else _POLL_MS)

    def step(self) -> bool:
        """Reads a piece of the input; whether there may be more at once."""
        data = self._port.take()
        now = ticks()
        self.looked = self._clock.uptime()
        events: list[Reading | Fault] = []
        if data:
            self._last_byte = now
            self._idle = False
            if not self.bytes:
                say("meter", "bytes come")
                gc.collect()  # modules are compiled now, which takes up to 40 kB for a moment
            self.bytes += len(data)
            if self.progress == NO_BYTES:
                self.progress = NO_FRAME
            events = self._feed(data)
        elif not self._idle and time.ticks_diff(now, self._last_byte) > _IDLE_MS:
            self._idle = True
            events = self._receiver.flush()
        for event in events:
            if isinstance(event, Fault):
                self._fault(event)
            elif event.channel:
                self._submeter(event)
            else:
                self._reading(event)
        if self._search:
            self._seek(self._search, len(data) if data else 0, events, now)
        if self.silent() > _SILENT_S:
            self._silence()
        return bool(data)

    def _feed(self, data: bytearray) -> "list[Reading | Fault]":
        try:
            return self._receiver.feed(data)
        except MemoryError:
            # Again with all the room there is; what was loaded so far need not be again.
            say("meter", "short of memory")
            before = self._receiver
            self._receiver = self._new_receiver(None)
            self._receiver.counters = before.counters
            self._receiver.times = before.times
            del before
            gc.collect()
            advise()
            return self._receiver.feed(data)

    def silent(self) -> int:
        """Seconds since the last reading, or since the start."""
        return self._clock.uptime() - self.heard

    def _seek(self, search: "Search", n: int, events: "list[Reading | Fault]", now: int) -> None:
        setting = search.events(n, events, now)
        if setting:
            self._tried += 1
            self._port.open(setting)
            self._receiver = self._new_receiver(None)
            say("meter", "%s; trying %s" % (search.progress, self._port.line))
        elif search.found:
            self._search = None
            self._store.keep_line(self._port.line, _link(events))
            say("meter", "found its line: %s" % self._port.line)
            if self._tried:
                raise Restart("the search has filled the memory")

    def short_of_memory(self) -> None:
        """A search that has run out of memory continues after a restart.

        What it hears at wrong settings may load every link of the core, and then the right
        decoder has no room. A setting that was the first itself is not helped by that.
        """
        if self._search and self._tried:
            self._store.keep_line(self._port.line, None)
            raise Restart("no memory at %s" % self._port.line)

    def _reading(self, reading: "Reading") -> None:
        self._seq += 1
        self.readings += 1
        self.heard = self._clock.uptime()
        self._reopen_at = _REOPEN_S
        if reading.time is not None:
            self.ahead = self._clock.ahead(reading.time)
        if self.progress != READINGS:
            self.progress = READINGS
            if self._reads:
                count = self._count(reading)
                say("meter", "readings come: %d values, auth %s" % (count, reading.auth))
            else:
                say("meter", "telegrams arrive and are forwarded, auth %s" % reading.auth)
        if self._thinning and not self._thinning.wants(reading):
            return
        if topics.RAW in self._what:
            self._outbox.put(topics.RAW, bytes(reading.payload))
        if not self._reads or not self._count(reading):
            return
        if reading.seq is None:
            reading.seq = self._seq
        self._put(reading)

    def _submeter(self, reading: "Reading") -> None:
        """Publishes it if its own time or value has changed."""
        changes = self._submeters
        if changes and self._count(reading) and changes.is_new(reading):
            if reading.seq is None:
                reading.seq = self._seq
            self._put(reading)

    def _put(self, reading: "Reading") -> None:
        if reading.time is not None:
            from smartmeter.wire.reading_encoder import to_json

            item = to_json(reading, self._values).encode()
            self._outbox.put(topics.READING, item, reading.channel)
        else:
            reading.payload = b""
            self._outbox.put(topics.READING, reading, reading.channel)

    def _count(self, reading: "Reading") -> int:
        """How many of the values to publish it has."""
        from smartmeter.wire.reading_encoder import included  # not loaded for raw telegrams

        return len(included(reading, self._values))

    def _fault(self, fault: "Fault") -> None:
        kind = fault.kind
        if kind == "key" and fault.payload and topics.CIPHERED in self._what:
            self._relay(bytes(fault.payload))
            return
        if kind not in self.faults:
            self.faults[kind] = 0
            say("meter", "%s: %s" % (kind, fault.detail))
        self.faults[kind] += 1
        if kind in ("key", "tag") and self.progress != READINGS:
            self.progress = NO_KEY

    def _relay(self, telegram: bytes) -> None:
        """A telegram that another opens: what it says is not known here, but that it came is."""
        self.readings += 1
        self.heard = self._clock.uptime()
        self._reopen_at = _REOPEN_S
        if self.progress != READINGS:
            self.progress = READINGS
            say("meter", "encrypted telegrams arrive and are forwarded")
        self._outbox.put(topics.CIPHERED, telegram)

    def _silence(self) -> None:
        if self.progress == READINGS:
            self.progress = NO_BYTES
            say("meter", "no reading for %d s" % _SILENT_S)
        if self.silent() > self._reopen_at:
            self._reopen_at += _REOPEN_S
            self._port.reopen()


def _is_bus(settings: "Section") -> bool:
    """Whether several M-Bus meters are asked, whose addresses have commas between them."""
    return settings["answer"] == "mbus" and "," in (settings["address"] or "")


def _changes(settings: "Section", values: "list[str]") -> "Changes | None":
    """What knows the changes of sub-meters, if the settings want any of these."""
    named = [c for c in values if c.find("24.2.") >= 0 or (c[1:2] == "-" and c[0] in "56789")]
    if not named and not _is_bus(settings):
        return None
    from smartmeter.submeters import Changes, are_named

    return Changes() if _is_bus(settings) or are_named(settings["id"], values) else None


def _link(events: "list[Reading | Fault]") -> str | None:
    """The link layer of the first reading."""
    for event in events:
        if not isinstance(event, Fault):
            return event.layers[0]
    return None
