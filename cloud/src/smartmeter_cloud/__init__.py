"""The Cloud of the smart-meter chain: ingest, store, API and page."""

__version__ = "0.1.0"
