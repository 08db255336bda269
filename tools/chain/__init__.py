"""The whole chain on one machine: virtual meters, adapter, brokers, Concentrator, Cloud."""
