"""The SmartMeterAdapter: reads a meter's port and publishes the readings over MQTT."""
