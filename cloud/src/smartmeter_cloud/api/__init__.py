"""The HTTP side: JSON under /v1, a live stream, and the page."""
