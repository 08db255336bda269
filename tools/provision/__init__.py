"""Writes the settings and the keys to a board: see __main__.py."""

import sys
from pathlib import Path

FIRMWARE = Path(__file__).resolve().parent.parent.parent / "firmware"

# The settings are checked here by the very code that checks them on the board.
if str(FIRMWARE) not in sys.path:
    sys.path.append(str(FIRMWARE))
