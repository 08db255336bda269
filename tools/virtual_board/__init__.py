"""A virtual ESP32 on a pty, for the real firmware and the real mpremote; see README.md here."""

from tools.virtual_board.launcher import VirtualBoard

__all__ = ["VirtualBoard"]
