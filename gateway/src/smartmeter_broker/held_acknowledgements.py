"""Holds back a publisher's PUBACK until this process has acknowledged the message.

amqtt acknowledges a message when it arrives, and may lose it with the process. A publisher that
waits for its PUBACK sends the message again after such a loss.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from amqtt.mqtt.constants import QOS_1  # type: ignore[import-untyped]
from amqtt.mqtt.puback import PubackPacket  # type: ignore[import-untyped]
from amqtt.mqtt.publish import PublishPacket  # type: ignore[import-untyped]
from smartmeter.wire import receipt

from .rights import Login

_MOST = 100  # messages of one connection; beyond them no more is read from it


@dataclass(eq=False, slots=True)
class _Held:
    """written: amqtt has written the PUBACK, so it is sent as soon as it is released."""

    digest: bytes
    publisher: "Publisher"
    answer: bytes
    limit: asyncio.TimerHandle
    written: bool = False


class HeldAcknowledgements:
    """What all connections of a broker wait for. Lives in the broker's loop."""

    def __init__(self, prefix: str, may_write: Callable[[Login, str], bool]) -> None:
        """prefix: topics that begin so are held; "" holds none.

        may_write: what a login may not write is acknowledged and goes nowhere (MQTT 3.1.1).
        """
        self._prefix = prefix
        self._may_write = may_write
        self._held: dict[bytes, list[_Held]] = {}  # by the digest of topic and payload

    def covers(self, login: Login, packet: PublishPacket) -> bool:
        topic = packet.topic_name
        return bool(
            self._prefix
            and packet.qos == QOS_1
            and topic.startswith(self._prefix)
            and self._may_write(login, topic)
        )

    def hold(self, held: _Held) -> None:
        self._held.setdefault(held.digest, []).append(held)

    def drop(self, held: _Held) -> None:
        """Its publisher is gone, or has sent another message with the same packet id."""
        others = self._held.get(held.digest, [])
        if held in others:
            others.remove(held)
            if not others:
                del self._held[held.digest]

    def acknowledged(self, topic: str, payload: bytes) -> None:
        """This process has taken a message, and with it every other one that is the same."""
        for held in self._held.pop(receipt.digest(topic, payload), ()):
            held.publisher.release(held)


class Publisher:
    """The messages of one connection that wait for their PUBACK."""

    def __init__(
        self,
        shared: HeldAcknowledgements,
        login: Login,
        send: Callable[[bytes], None],
        give_up: Callable[[], None],
        wait_s: float,
    ) -> None:
        """send: writes to the connection; give_up: ends it after wait_s without a release.

        amqtt forgets a message that this process has not acknowledged, so the client must send
        it again.
        """
        self._shared = shared
        self._login = login
        self._send = send
        self._give_up = give_up
        self._wait_s = wait_s
        self._held: dict[bytes, _Held] = {}  # by the bytes of the PUBACK
        self._room = asyncio.Event()
        self._room.set()

    async def room(self) -> None:
        await self._room.wait()

    def published(self, packet: PublishPacket) -> None:
        """Call it before amqtt reads the packet."""
        if not self._shared.covers(self._login, packet):
            return
        answer: bytes = PubackPacket.build(packet.packet_id).to_bytes()
        if before := self._held.get(answer):
            self._forget(before)
            self._shared.drop(before)
        digest = receipt.digest(packet.topic_name, bytes(packet.data))
        limit = asyncio.get_running_loop().call_later(self._wait_s, self._give_up)
        self._held[answer] = _Held(digest, self, answer, limit)
        self._shared.hold(self._held[answer])
        if len(self._held) >= _MOST:
            self._room.clear()

    def passes(self, data: bytes) -> bool:
        """Whether amqtt may send these bytes now. A PUBACK that waits is sent by release()."""
        held = self._held.get(data)
        if held is not None:
            held.written = True
        return held is None

    def release(self, held: _Held) -> None:
        self._forget(held)
        if held.written:
            self._send(held.answer)

    def close(self) -> None:
        for held in list(self._held.values()):
            self._forget(held)
            self._shared.drop(held)

    def _forget(self, held: _Held) -> None:
        held.limit.cancel()
        del self._held[held.answer]
        self._room.set()
