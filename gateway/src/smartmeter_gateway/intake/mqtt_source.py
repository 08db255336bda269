"""What adapters publish on the LAN's broker. It is acknowledged when it is on disk, not before."""

from smartmeter.wire import topics
from smartmeter_mqtt import client_ids
from smartmeter_mqtt.codec import Oversize, Publish

from ..config.settings import BrokerSettings, HomeAssistantSettings
from ..integrations.home_assistant import payload as discovery_payload
from ..integrations.home_assistant import topic as discovery_topic
from ..monitoring.registry import LAN as NAME
from ..monitoring.registry import Status
from ..mqtt.client import BrokerLink, Link, Message
from ..spool.batch import Ack, Batch
from . import validation
from .pipeline import Intake
from .validation import Refused

# Short: a LAN broker that lost its sessions takes readings and keeps them for nobody until we are
# back, and it has few others to be spared for.
_RETRY_MAX_S = 1.0
# To wake for each message alone costs more than all that is done to it.
_GATHER_S = 0.02
_OWN_MAX = 1000  # messages of ours that may be on their way back to us
_RECEIVE_MAXIMUM = 2000  # messages that the broker may send before the first is acknowledged


class MqttIntake:
    """Subscribes to all meters with a session that lasts, so a restart misses nothing.

    With Home Assistant it also publishes: what each meter is, and what our own ports read, on
    the topics that an adapter would use.
    """

    def __init__(
        self,
        settings: BrokerSettings,
        concentrator: str,
        intake: Intake,
        status: Status,
        home: HomeAssistantSettings | None,
    ) -> None:
        self._intake = intake
        self._status = status
        self._home = home
        self._link: Link | None = None
        self._own: dict[tuple[str, bytes], None] = {}  # published by us, not yet come back
        self._broker = BrokerLink(
            NAME,
            settings,
            client_ids.of_concentrator(concentrator),
            topics.ALL_METERS,
            status,
            lasting=True,
            receive_maximum=_RECEIVE_MAXIMUM,
            retry_max_s=_RETRY_MAX_S,
            gather_s=_GATHER_S,
        )
        self._broker.on_messages = self._messages
        self._broker.on_up = self._up
        self._broker.on_down = self._down
        self.start = self._broker.start
        self.stop = self._broker.stop
        if home:
            intake.new_codes = self._announce

    def _up(self, link: Link) -> None:
        self._link = link
        self._own.clear()
        if self._home:
            for meter, codes in self._intake.codes().items():
                self._announce(meter, codes)

    def _down(self) -> None:
        self._link = None

    def _announce(self, meter: str, codes: set[str]) -> None:
        link, home = self._link, self._home
        if link is not None and home is not None:
            topic = discovery_topic(home.prefix, meter)
            link.publish(topic, discovery_payload(meter, codes, home.expire_after), retain=True)

    def tell(self, meter: str, specific: str, payload: bytes) -> None:
        """Publish on the LAN what one of our own ports has read, where the house wants it."""
        link = self._link
        if link is None or self._home is None:
            return
        if len(self._own) >= _OWN_MAX:
            self._own.clear()
        topic = topics.meter(meter, specific)
        self._own[topic, payload] = None
        link.publish(topic, payload, retain=specific == topics.STATUS)

    def _is_own(self, message: Message) -> bool:
        if not self._own or not isinstance(message, Publish):
            return False
        key = message.topic.decode(errors="replace"), message.payload
        if key not in self._own:
            return False
        self._own.pop(key, None)
        return True

    def _messages(self, link: Link, messages: list[Message]) -> None:
        batch = Batch()
        for message in messages:
            self._take(batch, message)
            # Also what is not kept is acknowledged after the commit, in its turn: a duplicate must
            # not be acknowledged before the reading that it repeats is on disk.
            if message.packet_id:
                batch.acks.append(Ack(link, message.packet_id))
        self._intake.put(batch)

    def _take(self, batch: Batch, message: Message) -> None:
        if self._is_own(message):
            return
        origin = "an adapter"
        try:
            meter, specific = validation.address(message.topic)
            origin = f"meter {meter}"
            if isinstance(message, Oversize):
                raise validation.too_long(message.size)
            if message.retained and specific != topics.STATUS:
                raise Refused(validation.TOPIC, "a retained message, which would come for ever")
            self._intake.take(batch, meter, specific, message.payload, NAME)
        except Refused as why:
            self._status.refuse(why.kind, why.detail, origin)
        except Exception:
            # A fault of this program, not of the sender: the other messages go on.
            self._status.own_fault(NAME)
