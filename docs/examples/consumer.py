"""Prints what each meter measures: python consumer.py BROKER PORT [CA_FILE]

MQTT_USER and MQTT_PASSWORD in the environment log in. Needs paho-mqtt 2.
"""

import json
import os
import sys

import paho.mqtt.client as mqtt

broker, port, *ca = sys.argv[1:]


def connected(client, userdata, flags, reason, properties):
    client.subscribe("concentrator/+/status", qos=1)
    client.subscribe("concentrator/+/smartMeterMessage/+/state", qos=1)


def heard(client, userdata, message):
    _, concentrator, *meter, _ = message.topic.split("/")
    name = meter[1] if meter else f"Concentrator {concentrator}"
    document = json.loads(message.payload or "null")
    if document is None:
        print(f"{name}: taken away", flush=True)
    elif document["state"] != "online":
        print(
            f"{name}: {document['state']}, {document.get('reason') or 'its last will'}", flush=True
        )
    elif meter:  # a value is missing if the meter never sent it, and null if it has ceased
        power, energy = document.get("power_w"), document.get("energy_import_kwh")
        print(f"{name}: {document['time']}, {power} W, {energy} kWh", flush=True)


client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
client.on_connect, client.on_message = connected, heard
if "MQTT_USER" in os.environ:
    client.username_pw_set(os.environ["MQTT_USER"], os.environ["MQTT_PASSWORD"])
if ca:
    client.tls_set(*ca)
client.connect(broker, int(port))
client.loop_forever()
