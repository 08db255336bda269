"""The SmartMeterAdapter: reads a meter's port and publishes what it says over MQTT."""
