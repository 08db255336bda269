"""Writes the settings and the keys to a board: see __main__.py.

In the repository this is tools.provision. The package smartmeter-provision contains it as
smartmeter_provision, with copies of the firmware and of the boards' data (hatch_build.py).
"""

import sys
from pathlib import Path

_HERE = Path(__file__).resolve().parent
IS_INSTALLED = (_HERE / "firmware").is_dir()
DATA = _HERE if IS_INSTALLED else _HERE.parents[1]
FIRMWARE = DATA / "firmware"
COMPILED = DATA / "compiled"  # what a board gets; only the package has it

# The settings are checked here by the very code that checks them on the board.
for _folder in (FIRMWARE, FIRMWARE / "lib"):
    if str(_folder) not in sys.path:
        sys.path.append(str(_folder))
