"""What adapters publish on the LAN's broker. It is acknowledged when it is on disk, not before."""

from smartmeter import topics

from . import acceptance
from .acceptance import Refused
from .broker_link import BrokerLink, Link
from .config import BrokerSettings
from .intake import Intake
from .mqtt_packets import Message
from .spooler import ONLY_ACKNOWLEDGE, Item
from .status import Status

NAME = "LAN broker"
_RECEIVE_MAXIMUM = 2000  # messages that the broker may send before the first is acknowledged


class MqttIntake:
    """Subscribes to all meters with a session that lasts, so a restart misses nothing."""

    def __init__(
        self, settings: BrokerSettings, concentrator: str, intake: Intake, status: Status
    ) -> None:
        self._intake = intake
        self._status = status
        self._link = BrokerLink(
            NAME,
            settings,
            f"concentrator-{concentrator}",
            topics.ALL_METERS,
            status,
            lasting=True,
            receive_maximum=_RECEIVE_MAXIMUM,
        )
        self._link.on_messages = self._messages
        self.start = self._link.start
        self.stop = self._link.stop

    def _messages(self, link: Link, messages: list[Message]) -> None:
        self._intake.put([self._item(link, message) for message in messages])

    def _item(self, link: Link, message: Message) -> Item:
        origin = "an adapter"
        acknowledging = link if message.mid else None
        try:
            meter, specific = acceptance.address(message.topic)
            origin = f"meter {meter}"
            if message.size != len(message.payload):
                raise acceptance.too_long(message.size)
            if message.retain and specific != topics.STATUS:
                raise Refused(acceptance.TOPIC, "a retained message, which would return for ever")
            return self._intake.item(
                meter, specific, message.payload, NAME, message.mid, acknowledging
            )
        except Refused as why:
            self._status.refuse(why.kind, why.detail, origin)
        except Exception:
            # Our bug, and not the sender's: told, counted, and the others go on.
            self._status.own_fault(NAME)
        return "", ONLY_ACKNOWLEDGE, b"", message.mid, acknowledging
