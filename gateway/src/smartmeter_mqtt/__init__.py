"""The MQTT client of the Concentrator and of the Cloud, on paho-mqtt."""
