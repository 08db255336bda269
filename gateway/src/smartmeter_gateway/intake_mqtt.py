"""What adapters publish on the LAN's broker. It is acknowledged when it is on disk, not before."""

from functools import partial

import paho.mqtt.client as paho
from smartmeter import topics

from . import acceptance
from .acceptance import Refused
from .broker_link import BrokerLink, Link
from .config import BrokerSettings
from .intake import Intake
from .status import Status, log

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
        self._link.on_message = self._message

    def start(self) -> None:
        self._link.start()

    def stop(self, timeout: float) -> None:
        self._link.stop(timeout)

    def _message(self, link: Link, message: paho.MQTTMessage) -> None:
        done = partial(link.ack, message.mid) if message.qos else None
        origin = "an adapter"
        try:
            meter, specific = acceptance.address(_topic_of(message))
            origin = f"meter {meter}"
            if message.retain and specific != topics.STATUS:
                raise Refused(acceptance.TOPIC, "a retained message, which would return for ever")
            self._intake.take(meter, specific, bytes(message.payload), NAME, done)
        except Refused as why:
            self._status.refuse(why.kind, why.detail, origin)
            if done:
                done()
        except Exception:
            # Our bug, and not the sender's: told, counted, and the others go on.
            log.exception("a message of %s could not be taken in", origin)
            self._status.refuse("fault", "a fault of this program", origin)
            if done:
                done()


def _topic_of(message: paho.MQTTMessage) -> str:
    try:
        return message.topic
    except UnicodeDecodeError:
        raise Refused(acceptance.TOPIC, "a topic that is not UTF-8") from None
