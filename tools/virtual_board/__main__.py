"""A virtual ESP32 as a separate process.

    python -m tools.virtual_board FOLDER --uart TTY [--port-link PATH]

keeps the board's flash and settings in FOLDER, makes PATH a link to the port for mpremote, and
runs until SIGTERM or Ctrl-C.
"""

import argparse
import os
import signal
import sys
import threading
from pathlib import Path

from tools.environment.debian import Unavailable
from tools.virtual_board.launcher import VirtualBoard
from tools.virtual_board.memory import CLASSES


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--uart", default="/dev/null", help="tty of the meter's wire")
    parser.add_argument("--port-link", type=Path, help="link to the port for mpremote")
    parser.add_argument("--micropython", default="micropython", help="micropython, micropython32")
    parser.add_argument("--memory", default="psram", choices=CLASSES, help="class of its heap")
    parser.add_argument("--line", help='settings of the wire, such as "2400 8E1"; default: any')
    arguments = parser.parse_args()
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    try:
        board = VirtualBoard(
            arguments.folder,
            uart=arguments.uart,
            micropython=arguments.micropython,
            memory=arguments.memory,
            line=arguments.line,
        )
    except (OSError, KeyError, Unavailable) as why:
        print(f"virtual board: {why}", file=sys.stderr)
        return 1
    link = arguments.port_link
    with board:
        if link:
            new = link.with_name(link.name + ".new")
            new.unlink(missing_ok=True)
            new.symlink_to(board.port)
            new.replace(link)
        print(board.port, flush=True)
        ended.wait()
    if link and os.path.islink(link):
        link.unlink()
    return 0


if __name__ == "__main__":
    sys.exit(main())
