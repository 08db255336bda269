"""Takes what adapters publish on the LAN broker, and acknowledges it once it is on disk."""

from dataclasses import replace

from smartmeter.wire import topics
from smartmeter_mqtt import client_ids
from smartmeter_mqtt.broker_link import BrokerLink, Listener
from smartmeter_mqtt.session import ConnectOptions, Message, Session
from smartmeter_mqtt.settings import BrokerSettings

from ..monitoring.registry import LAN as NAME
from ..monitoring.registry import Registry
from ..spool.batch import Ack, Batch
from . import validation
from .pipeline import Pipeline
from .validation import Refused

# What to do against refusals that last. Each is raised for the first meter, until a restart.
_DO = {
    validation.SETTINGS: "add [[meter]] with its id, and its key_file if its telegrams are "
    "encrypted, to the settings",
    validation.METERS: "this Concentrator has more meters than it can follow; use another for some",
}
# Short: a LAN broker that has lost its sessions accepts readings and drops them until we are back.
# It serves few clients, so it need not be spared.
_RETRY_MAX_S = 1.0
# To wake for each message costs more than all else that is done with it.
_LINGER_S = 0.02
_SESSION_S = 7 * 86_400  # how long the broker keeps messages for us; by 3.1.1 it keeps them anyway


class MqttSource(Listener):
    """Subscribes to all meters. The broker keeps the session, so a restart misses nothing."""

    def __init__(
        self,
        settings: BrokerSettings,
        concentrator: str,
        pipeline: Pipeline,
        registry: Registry,
    ) -> None:
        self._pipeline = pipeline
        self._registry = registry
        self._raised: set[str] = set()
        self._broker = BrokerLink(
            NAME,
            # paho needs a quarter less CPU for 3.1.1, and of 5 nothing else would be used here.
            replace(settings, mqtt5=False),
            ConnectOptions(client_ids.of_concentrator(concentrator), _SESSION_S),
            topics.ALL_METERS,
            self,
            registry,
            retry_max_s=_RETRY_MAX_S,
            linger_s=_LINGER_S,
        )

    def start(self) -> None:
        self._broker.start()

    def stop(self, timeout: float) -> None:
        self._broker.stop(timeout)

    def received(self, session: Session, messages: list[Message]) -> None:
        batch = Batch()
        for message in messages:
            self._take(batch, message)
            # Also what is not kept is acknowledged after the commit, in its turn: a duplicate must
            # not be acknowledged before the reading that it repeats is on disk.
            if message.packet_id:
                batch.acks.append(Ack(session, message.packet_id))
        self._pipeline.put(batch)

    def _take(self, batch: Batch, message: Message) -> None:
        meter = ""
        try:
            meter, specific = validation.address(message.topic)
            validation.check_specific(specific)
            if message.retained and specific != topics.STATUS:
                raise Refused(
                    validation.TOPIC, "a retained message, which would come at every connection"
                )
            self._pipeline.take(batch, meter, specific, message.payload, NAME)
        except Refused as why:
            self._registry.refuse(why.kind, why.detail, meter=meter, field=why.field)
            if why.kind in _DO and why.kind not in self._raised:
                self._raised.add(why.kind)
                self._registry.alarm(
                    f"intake.{why.kind}", f"readings of meter {meter} are lost: {_DO[why.kind]}"
                )
        except Exception:
            # A fault of this program, not of the sender: the other messages go on.
            self._registry.own_fault(NAME)
