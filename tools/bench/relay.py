"""The bare relay as comparison: paho in, paho out, without any guarantee.

python -m tools.bench.relay LAN_PORT CLOUD_PORT CONCENTRATOR
"""

import sys
import threading

import paho.mqtt.client as paho
from smartmeter.wire import topics


def main(lan: int, cloud: int, concentrator: str) -> None:
    out = paho.Client(paho.CallbackAPIVersion.VERSION2, client_id="relay-out")
    out.max_inflight_messages_set(0)
    out.connect("127.0.0.1", cloud)
    out.loop_start()
    taken = paho.Client(paho.CallbackAPIVersion.VERSION2, client_id="relay-in")
    taken.on_connect = lambda client, *_: client.subscribe(topics.ALL_METERS, 1)

    def on_message(client: paho.Client, _: object, message: paho.MQTTMessage) -> None:
        meter, specific = topics.parse_meter(message.topic)
        out.publish(topics.uplink(concentrator, meter, specific), message.payload, qos=1)

    taken.on_message = on_message
    taken.connect("127.0.0.1", lan)
    taken.loop_start()
    threading.Event().wait()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
