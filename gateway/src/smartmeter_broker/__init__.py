"""An MQTT broker inside the process, for a home or a demo without one: amqtt behind a gate.

    with EmbeddedBroker("127.0.0.1", 1883, users={"adapter": "its password"}) as broker:
        ...                                    # broker.port; broker.local_port for this process

A stranger never reaches amqtt. listener.py accepts connections and bounds them.
admission.py decides whether a client may connect. amqtt then gets the connection through its
public interface for external listeners, in whole packets of bounded size and rate (packets.py).
amqtt keeps subscriptions, sessions and retained messages. It asks rights.py about every topic.

Measured limit of amqtt 0.12 (MQTT 3.1.1 only): about 2 000 QoS 1 messages a second on one core.
amqtt acknowledges a message before anybody has it. held_acknowledgements.py holds that back.
"""

from .embedded import BrokerUnavailable, EmbeddedBroker

__all__ = ["BrokerUnavailable", "EmbeddedBroker"]
