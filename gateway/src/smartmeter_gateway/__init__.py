"""The Concentrator: what meters say on the LAN comes in, is kept on disk, and goes to the Cloud."""
