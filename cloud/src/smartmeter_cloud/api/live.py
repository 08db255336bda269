"""The live stream: sends what is new in the store to every open page.

It polls the store and does not ask ingest. Any number of ingest processes and of these processes
can therefore work together, and a page only sees what is stored. One task polls for all pages. A
slow page gets the newest state, never a queue.
"""

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import AsyncGenerator, Iterator
from typing import Any

import msgspec
from smartmeter_service.unexpected_errors import UnexpectedErrors

from smartmeter_cloud.api.observations import observe
from smartmeter_cloud.api.serializers import meter, now
from smartmeter_cloud.history.zone_check import ZoneChecks
from smartmeter_cloud.monitoring.chain import chain, own_boxes
from smartmeter_cloud.store.interface import Store, StoreUnavailable
from smartmeter_cloud.store.rows import Meter, Newest

ASK_SECONDS = 0.5
CHAIN_EVERY = 4  # asks
# So that a page notices a server that hangs, and that a connection ends soon when its client, key
# or session is gone.
BEAT_SECONDS = 5.0
STREAMS_MAX = 500
# Of callers with the same households, so that one household cannot take all of them.
STREAMS_OF_HOUSEHOLD_MAX = 250
# A database that is away is noticed and asked again well within this time.
LATE_SECONDS = 30.0

Json = dict[str, Any]
Households = frozenset[str] | None  # None: all of them


class Live:
    def __init__(self, store: Store, zones: ZoneChecks, faults: UnexpectedErrors) -> None:
        self._store = store
        self._zones = zones
        self._faults = faults
        self._meters: dict[str, tuple[int, Json]] = {}  # id -> (version, meter)
        self._version = 0  # grows with everything about meters that pages must know
        self._known: dict[str, Meter] = {}
        self._change = 0
        self._chain: list[Json] = []
        self._chain_change = 0
        self._readable = True
        # Set and replaced at each change. A Condition would not do: its lock is lost if a
        # wait for it is cancelled in the wrong moment (CPython 3.11), and then nobody is served.
        self._changed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._asked = 0.0  # monotonic; when the store was last asked
        self._listening: Counter[Households] = Counter()  # the open streams by their households
        self._read: Households = frozenset()  # whose meters _meters holds
        self._closed = False

    @property
    def streams(self) -> int:
        """The number of open streams."""
        return self._listening.total()

    def is_full(self, households: Households) -> bool:
        """Whether a further stream of these households is one too many."""
        of_household = self._listening[households] if households is not None else 0
        return self.streams >= STREAMS_MAX or of_household >= STREAMS_OF_HOUSEHOLD_MAX

    @property
    def is_alive(self) -> bool:
        """False if pages are open and the store has not been asked for a while."""
        return not self.streams or time.monotonic() - self._asked < LATE_SECONDS

    def end(self) -> None:
        """Ends all streams soon; from any thread or signal handler."""
        self._closed = True

    @contextlib.contextmanager
    def listening(self, households: Households) -> Iterator[None]:
        """While somebody reads a stream() of these households; in the event loop."""
        if not self.streams:
            # Changes while nobody listened, deletions too, are sent from the start.
            self._meters, self._change, self._known, self._chain = {}, 0, {}, []
        self._listening[households] += 1
        if self._task is None or self._task.done():
            self._asked = time.monotonic()
            self._task = asyncio.create_task(self._ask())
        try:
            yield
        finally:
            self._listening[households] -= 1
            if not self._listening[households]:
                del self._listening[households]

    async def stream(self, households: Households) -> AsyncGenerator[bytes]:
        """Server-sent events: `meters` and `chain` in full at first, then what changed.

        `beat` comes when there was nothing else for some seconds.

        households: whose; None everybody's. Read it within listening().
        """
        version = 0
        chain_change = 0 if self._chain else self._chain_change
        sent = time.monotonic()
        yield b"retry: 1000\n\n"
        while not self._closed:
            changed = self._changed
            if version < self._version:
                new = [
                    m
                    for name, (at, m) in self._meters.items()
                    if at > version and self._visible(name, households)
                ]
                version = self._version
                if new:
                    sent = time.monotonic()
                    yield _event("meters", new)
            if chain_change < self._chain_change:
                chain_change = self._chain_change
                sent = time.monotonic()
                yield _event("chain", {"now": now(), "boxes": self.boxes(households)})
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(sent + BEAT_SECONDS - time.monotonic()):
                    await changed.wait()
            # Changes may all have been of others: this page has heard nothing then.
            if time.monotonic() - sent >= BEAT_SECONDS:
                sent = time.monotonic()
                yield _event("beat", {"now": now()})

    def boxes(self, households: Households) -> list[Json]:
        """The parts of the chain that those households may see."""
        if households is None:
            return self._chain
        return own_boxes(self._chain, lambda name: self._visible(name, households))

    def _visible(self, meter: str, households: Households) -> bool:
        known = self._known.get(meter)
        return households is None or (known is not None and known.household in households)

    def _take(self, new: list[Newest], known: list[Meter]) -> bool:
        """Collects new readings and new names of meters; whether there were any."""
        before, self._known = self._known, {m.name: m for m in known}
        changed = {}
        for name in before.keys() - self._known.keys():
            self._meters.pop(name, None)
        for name, known_meter in self._known.items():
            label = known_meter.label
            if name in self._meters and self._meters[name][1]["label"] != label:
                changed[name] = self._meters[name][1] | {"label": label}
        for n in new:
            name = n.reading.meter
            self._change = max(self._change, n.change)
            if name in self._known:
                changed[name] = meter(n, self._known[name].label)
        # All are read again when further households listen; the others' pages know theirs.
        changed = {
            n: m for n, m in changed.items() if n not in self._meters or self._meters[n][1] != m
        }
        if self._known.keys() - before.keys() - changed.keys():
            self._change = 0  # meters have come from another household with what they had
        self._version += 1 if changed else 0
        self._meters.update({name: (self._version, m) for name, m in changed.items()})
        return bool(changed)

    def _listeners(self) -> Households:
        """All households that are listening."""
        all_of_them: frozenset[str] = frozenset()
        for households in self._listening:
            if households is None:
                return None
            all_of_them |= households
        return all_of_them

    def _read_for(self, households: Households) -> bool:
        """Reads only what these households may see; whether there are further ones among them."""
        before, self._read = self._read, households
        if before is None or (households is not None and households <= before):
            return False
        self._change = 0
        return True

    def _observed(self, households: Households) -> list[Json]:
        return chain(observe(self._store, self._zones, households), now())

    async def _ask(self) -> None:
        turn = 0
        while self._listening and not self._closed:
            changed = False
            self._asked = time.monotonic()
            households = self._listeners()
            if self._read_for(households):
                turn = 0
            try:
                after = self._change
                new = await asyncio.to_thread(self._store.newest, after, households)
                if after != self._change:
                    continue  # all left and one came in between, who gets everything from the start
                if new or turn % CHAIN_EVERY == 0:
                    known = await asyncio.to_thread(self._store.meters, households)
                    changed = self._take(new, known)
                if turn % CHAIN_EVERY == 0:
                    boxes = await asyncio.to_thread(self._observed, households)
                    if boxes != self._chain:
                        self._chain = boxes
                        self._chain_change += 1
                        changed = True
                self._readable = True
            except StoreUnavailable as e:
                if self._readable:
                    self._readable = False
                    store = {"kind": "store", "id": "", "state": "down", "reason": "unreadable"}
                    self._chain = [*self._chain[:-1], store | {"since": now(), "detail": str(e)}]
                    self._chain_change += 1
                    changed = True
            except Exception:
                self._faults.note("live")
                self._change = 0  # what was not sent is fetched again
            if changed:
                self._notify()
            turn += 1
            await asyncio.sleep(ASK_SECONDS)
        self._notify()

    def _notify(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()


def _event(name: str, data: object) -> bytes:
    return b"event: " + name.encode() + b"\ndata: " + msgspec.json.encode(data) + b"\n\n"
