"""Starts the adapter when the board has booted. Ctrl-C on the console stops it for mpremote."""

from adapter import start

start.main()
