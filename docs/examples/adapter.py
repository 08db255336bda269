"""An adapter for a meter of your own: python adapter.py BROKER PORT METER [CA_FILE]

MQTT_USER and MQTT_PASSWORD in the environment log in. Needs paho-mqtt 2.
"""

import json
import os
import sys
import time
from datetime import datetime

import paho.mqtt.client as mqtt

broker, port, meter, *ca = sys.argv[1:]


def measure():
    """Replace this by your meter: power in W, energy in Wh, voltage in V."""
    return {"1.7.0": 133, "2.7.0": 0, "16.7.0": 133, "1.8.0": 1136784, "32.7.0": 229.4}


def connected(client, userdata, flags, reason, properties):
    client.publish(f"smartMeterMessage/{meter}/status", '{"state":"online"}', qos=1, retain=True)
    client.subscribe("concentrator/+/status", qos=1)


def heard(client, userdata, message):
    for refusal in json.loads(message.payload).get("refusals", []):
        if refusal.get("meter") == meter:
            print("refused:", refusal["detail"], flush=True)


client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id=f"adapter-{meter}")
client.on_connect, client.on_message = connected, heard
client.will_set(f"smartMeterMessage/{meter}/status", '{"state":"offline"}', qos=1, retain=True)
if "MQTT_USER" in os.environ:
    client.username_pw_set(os.environ["MQTT_USER"], os.environ["MQTT_PASSWORD"])
if ca:
    client.tls_set(*ca)
client.connect(broker, int(port))
client.loop_start()
while True:
    reading = {
        "time": datetime.now().astimezone().isoformat(timespec="seconds"),
        "clock": "adapter",
        "seq": time.time_ns() // 1_000_000,  # it grows, over restarts too
        "auth": "none",
        "values": measure(),
    }
    # After an outage of the broker, paho sends what waits here.
    client.publish(f"smartMeterMessage/{meter}/reading", json.dumps(reading), qos=1)
    time.sleep(5)
