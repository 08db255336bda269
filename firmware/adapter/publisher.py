"""Keeps the connection to the broker, and publishes the messages of the outbox."""

import asyncio
import gc
import random
import time

from smartmeter.wire.topics import CIPHERED, RAW, READING, STATUS

from .broker import KEEPALIVE_S, BrokerError
from .clock import ticks
from .console import say
from .health import Restart

TYPE_CHECKING = False  # what follows is for mypy; a device has no typing
if TYPE_CHECKING:
    from smartmeter import Reading

    from .broker import Broker
    from .clock import Clock
    from .network import Wifi
    from .outbox import Outbox
    from .settings import Document
    from .status import Status
    from .update import Update

_STATUS_S = 60
_BACKOFF_MAX_S = 60
# A broker that has just restarted acknowledges readings before anybody has subscribed. By then
# the Concentrator is back, because it looks every second.
_LISTENS_S = 15
# "Connected" does not prove that the broker can be reached: the port does not notice that its
# address has been given up. Only a restart helps against fragmented memory, which TLS needs in one
# piece, and against a driver that hangs. It costs only readings that would be too old by then.
_RENEW_S = 300
_RESTART_S = 1200
_STARVED_MAX = 2
OFFLINE = b'{"state":"offline"}'


class Publisher:
    def __init__(
        self,
        settings: "Document",
        network: "Wifi",
        clock: "Clock",
        broker: "Broker",
        outbox: "Outbox",
    ) -> None:
        self._network = network
        self._clock = clock
        self._broker = broker
        self._outbox = outbox
        self.status: "Status | None" = None  # there before run() begins
        self.update: "Update | None" = None
        self.update_text = ""  # of the last one; "" if there is nothing to say
        from smartmeter.wire import topics  # until they are spelled once

        self._meter_id: str = settings["meter"]["id"]
        self._topics: "dict[str, str]" = {}
        meter_id, concentrator_id = settings["meter"]["id"], settings["publish"]["concentrator"]
        for specific in (STATUS, READING, RAW, CIPHERED):
            # where one device is adapter and Concentrator, it publishes as the latter
            self._topics[specific] = (
                topics.uplink(concentrator_id, meter_id, specific)
                if concentrator_id
                else topics.meter(meter_id, specific)
            )
        self._is_secure: bool = settings["broker"]["tls"]
        self._values: "list[str]" = settings["publish"]["values"]
        self._status_at = 0
        self._repeat_at: int | None = None  # uptime at which the sent is sent again
        self._spoken = 0  # uptime of the last exchange with the broker
        self._renew_at = _RENEW_S  # seconds without the broker until the interface goes down
        self._backoff = 1
        self.published = 0
        self.connects = 0
        self.trouble = ""
        self.last_trouble = ""
        self.looked = 0  # uptime of the last sign of life of this task

    def _topic(self, specific: str, channel: int) -> str:
        topic = self._topics[specific]
        if channel:
            from smartmeter.submeters import id_of  # loaded already, since there is one

            id = self._meter_id
            head = topic[: -len(id) - 1 - len(specific)]
            topic = head + id_of(id, channel) + "/" + specific
        return topic

    async def reach(self) -> None:
        """Connects for the first time; run() tries again if that fails."""
        try:
            await self._connect()
        except BrokerError as why:
            self._note(str(why))

    async def run(self) -> None:
        while True:
            try:
                if not self._broker.connected:
                    await self._connect()
                self._greet()
                await self._serve()
                assert self.update
                await self.update.fetch(self._alive)
                continue
            except BrokerError as why:
                self._note(str(why))
            self._broker.close()
            self._escalate()
            await self._pause()

    def _escalate(self) -> None:
        """Takes the interface down, or restarts, if trying again has not helped."""
        if self._broker.starved >= _STARVED_MAX:
            raise Restart("no memory for a connection, twice in a row")
        away = self._clock.uptime() - self._spoken
        if away >= _RESTART_S:
            raise Restart("no way to the broker for %d minutes" % (_RESTART_S // 60))
        if away >= self._renew_at:
            self._renew_at += _RENEW_S
            say("network", "no way to the broker for %d minutes; starting again" % (away // 60))
            self._network.down()

    async def _connect(self) -> None:
        self._alive()
        if not await self._network.up():
            raise BrokerError("network: " + self._network.trouble)
        self._alive()
        if self._broker.dated:
            self._clock.doubt()
        if self._clock.due():
            self._clock.sync()
        # Certificates have dates: without the time of day none of them can be checked.
        if self._is_secure and not self._clock.known():
            raise BrokerError("clock: no time yet, so no certificate can be checked")
        gc.collect()
        await self._broker.connect(self._topics[STATUS], OFFLINE)
        self._spoken = self._clock.uptime()

    def _greet(self) -> None:
        self._outbox.repeat()
        self._repeat_at = self._clock.uptime() + _LISTENS_S
        self.connects += 1
        self.trouble = ""
        say("broker", "connected")
        self._tell()
        self._renew_at = _RENEW_S
        self._backoff = 1  # a broker that takes us in and then answers nothing sensible can wait

    async def _serve(self) -> None:
        """Returns where an update is to be fetched; BrokerError at the end of the connection."""
        while self._network.connected():
            self._alive()
            if self._repeat_at is not None and self._clock.uptime() >= self._repeat_at:
                self._repeat_at = None
                self._outbox.repeat()
            waiting = self._outbox.first()
            # A reading of a meter without a clock waits for ours.
            if waiting and (isinstance(waiting[2], bytes) or self._clock.known()):
                self._publish(*waiting)
            elif self.update and self.update.is_waiting:
                self._broker.leave()  # there is memory for one TLS connection
                return
            elif self._clock.uptime() >= self._status_at:
                self._tell()
            elif self._clock.uptime() - self._spoken >= KEEPALIVE_S // 2:
                self._broker.ping()
                self._spoken = self._clock.uptime()
            elif self._clock.due():
                self._clock.sync()
            else:
                await self._listen()
            await asyncio.sleep_ms(0)
        raise BrokerError("network: lost")

    async def _listen(self) -> None:
        """Reads from the broker, checks that it is there, and waits for work."""
        self._broker.check()
        update = self.update
        if update and update.news:
            self._tell()
        if update and update.has_more:
            update.has_more = False
            await asyncio.sleep_ms(0)
        else:
            await self._filled()

    async def _filled(self) -> None:
        if len(self._outbox):  # they wait for the time of day
            await asyncio.sleep_ms(1000)
            return
        try:
            await asyncio.wait_for_ms(self._outbox.filled.wait(), 1000)
        except asyncio.TimeoutError:
            pass

    def _publish(self, arrived: int, specific: str, item: "bytes | Reading", channel: int) -> None:
        if not isinstance(item, bytes):
            from smartmeter.wire.reading_encoder import stamp, to_json  # loaded by the meter

            now = self._clock.text(time.ticks_diff(ticks(), arrived))
            assert now is not None, "it waits until the time is known"
            stamp(item, now, item.seq or 0)
            item = to_json(item, self._values).encode()
        self._broker.publish(self._topic(specific, channel), item)
        is_new = self._outbox.done(item)
        self._spoken = self._clock.uptime()
        self.published += is_new
        if is_new and self.published == 1:
            say("broker", "first reading published and acknowledged")

    def _tell(self) -> None:
        assert self.status
        if self.update and self.update.news:
            self.update.news = False
            self.update_text = self.update.text
        document = self.status.document(
            {
                "published": self.published,
                "connects": self.connects,
                "last_trouble": self.last_trouble or None,
                "update": self.update_text or None,
                "commands": self._broker.deaf or None,
            }
        )
        self._broker.publish(self._topics[STATUS], document, retain=True)
        self._spoken = self._clock.uptime()
        self._status_at = self._spoken + _STATUS_S

    def _note(self, trouble: str) -> None:
        """Printed when it changes, not at every attempt."""
        if trouble != self.trouble:
            say("broker", trouble)
        self.trouble = self.last_trouble = trouble

    async def _pause(self) -> None:
        """1 s, doubling to a minute; half of it random, so that a fleet does not come at once."""
        ms = self._backoff * 1000
        self._backoff = min(self._backoff * 2, _BACKOFF_MAX_S)
        until = time.ticks_add(time.ticks_ms(), ms // 2 + random.randrange(ms // 2))
        while (left := time.ticks_diff(until, time.ticks_ms())) > 0:
            self._alive()
            self._outbox.trim()
            await asyncio.sleep_ms(min(left, 1000))

    def _alive(self) -> None:
        self.looked = self._clock.uptime()
