"""The Cloud of the smart-meter chain: ingest, store, API and page."""

from smartmeter import __version__ as __version__
