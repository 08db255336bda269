"""The live stream: sends what is new in the store to every open page.

It polls the store and does not ask ingest. Any number of ingest processes and of these processes
can therefore work together, and a page only sees what is stored. One task polls for all pages. A
slow page gets the newest state, never a queue.
"""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import msgspec
from smartmeter_service.faults import Faults

from smartmeter_cloud.api.observations import observe
from smartmeter_cloud.api.serializers import meter, now
from smartmeter_cloud.monitoring.chain import chain, own_boxes
from smartmeter_cloud.store.interface import Store, StoreUnavailable
from smartmeter_cloud.store.rows import Meter, Newest

ASK_SECONDS = 0.5
CHAIN_EVERY = 4  # asks
PING_SECONDS = 5.0  # so that a connection ends soon when its client, key or session is gone
STREAMS_MAX = 500

Json = dict[str, Any]


class Live:
    def __init__(self, store: Store, faults: Faults) -> None:
        self._store = store
        self._faults = faults
        self._meters: dict[str, tuple[int, Json]] = {}  # id -> (version, meter)
        self._version = 0  # grows with everything about meters that pages must know
        self._known: dict[str, Meter] = {}
        self._change = 0
        self._chain: list[Json] = []
        self._chain_change = 0
        self._readable = True
        self._condition = asyncio.Condition()
        self._task: asyncio.Task[None] | None = None
        self._streams = 0
        self._closed = False

    @property
    def streams(self) -> int:
        """The number of open streams."""
        return self._streams

    @property
    def full(self) -> bool:
        return self._streams >= STREAMS_MAX

    def end(self) -> None:
        """Ends all streams soon; from any thread or signal handler."""
        self._closed = True

    async def stream(self, households: frozenset[str] | None) -> AsyncGenerator[bytes]:
        """Server-sent events: `meters` and `chain` in full at first, then what changed.

        households: whose; None everybody's.
        """
        if not self._streams:
            # Changes while nobody listened, deletions too, are sent from the start.
            self._meters, self._change, self._known, self._chain = {}, 0, {}, []
        self._streams += 1
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._ask())
        version = 0
        chain_change = 0 if self._chain else self._chain_change
        try:
            yield b"retry: 1000\n\n"
            while not self._closed:
                if version < self._version:
                    new = [
                        m
                        for name, (at, m) in self._meters.items()
                        if at > version and self._visible(name, households)
                    ]
                    version = self._version
                    if new:
                        yield _event("meters", new)
                if chain_change < self._chain_change:
                    chain_change = self._chain_change
                    yield _event("chain", {"now": now(), "boxes": self.boxes(households)})
                async with self._condition:
                    if version >= self._version and chain_change >= self._chain_change:
                        try:
                            await asyncio.wait_for(self._condition.wait(), PING_SECONDS)
                        except TimeoutError:
                            yield b": still here\n\n"
        finally:
            self._streams -= 1

    def boxes(self, households: frozenset[str] | None) -> list[Json]:
        """The parts of the chain that those households may see."""
        if households is None:
            return self._chain
        return own_boxes(self._chain, lambda name: self._visible(name, households))

    def _visible(self, meter: str, households: frozenset[str] | None) -> bool:
        known = self._known.get(meter)
        return households is None or (known is not None and known.household in households)

    def _take(self, new: list[Newest], known: list[Meter]) -> bool:
        """Collects new readings and new names of meters; whether there were any."""
        before, self._known = self._known, {m.name: m for m in known}
        told = {}
        for name in before.keys() - self._known.keys():
            self._meters.pop(name, None)
        for name, known_meter in self._known.items():
            label = known_meter.label
            if name in self._meters and self._meters[name][1]["label"] != label:
                told[name] = self._meters[name][1] | {"label": label}
        for n in new:
            name = n.reading.meter
            told[name] = meter(n, self._known[name].label if name in self._known else "")
            self._change = max(self._change, n.change)
        self._version += 1 if told else 0
        self._meters.update({name: (self._version, m) for name, m in told.items()})
        return bool(told)

    def _observed(self) -> list[Json]:
        return chain(observe(self._store), now())

    async def _ask(self) -> None:
        turn = 0
        while self._streams and not self._closed:
            changed = False
            try:
                after = self._change
                new = await asyncio.to_thread(self._store.newest, after)
                if after != self._change:
                    continue  # all left and one came in between, who gets everything from the start
                if new or turn % CHAIN_EVERY == 0:
                    changed = self._take(new, await asyncio.to_thread(self._store.meters))
                if turn % CHAIN_EVERY == 0:
                    boxes = await asyncio.to_thread(self._observed)
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
                async with self._condition:
                    self._condition.notify_all()
            turn += 1
            await asyncio.sleep(ASK_SECONDS)
        async with self._condition:
            self._condition.notify_all()


def _event(name: str, data: object) -> bytes:
    return b"event: " + name.encode() + b"\ndata: " + msgspec.json.encode(data) + b"\n\n"
