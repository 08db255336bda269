"""Installs the firmware on a board: compiled, because its sources need three times the memory.

    python -m tools.flash [--board PORT]    installs it
    python -m tools.flash --romfs FILE      writes a ROMFS image: modules then run in place
    python -m tools.flash --list            writes firmware/package.json, the list for `mip`

A board with PSRAM runs the sources, too: mpremote cp -r firmware/. :
"""

import argparse
import json
import shutil
import sys
import tempfile
from pathlib import Path

from tools.mpy import DoesNotCompile, Program
from tools.provision.device import CLEAR
from tools.provision.mpremote import BoardRefused, mpremote

REPOSITORY = Path(__file__).resolve().parent.parent
FIRMWARE = REPOSITORY / "firmware"
PACKAGE = FIRMWARE / "package.json"


def files() -> list[str]:
    """The modules of the firmware, relative to its folder.

    Those for CPython stay away. So does an empty __init__.py: MicroPython takes a folder without
    one for a package, and loading each would cost 70 bytes of heap.
    """
    found = [FIRMWARE / "main.py", FIRMWARE / "slots.py"]
    for folder in ("adapter", "lib"):
        found += sorted((FIRMWARE / folder).rglob("*.py"))
    return [
        f.relative_to(FIRMWARE).as_posix()
        for f in found
        if f.stat().st_size and not f.stem.endswith("_native")
    ]


def version() -> str:
    text = (FIRMWARE / "lib" / "smartmeter" / "__init__.py").read_text()
    line = next(x for x in text.splitlines() if x.startswith("__version__"))
    return line.split('"')[1]


def package() -> str:
    """firmware/package.json, which `mpremote mip install` uses to install the firmware."""
    document = {"urls": [[name, name] for name in files()], "version": version()}
    return json.dumps(document, indent=1) + "\n"


def sources() -> dict[str, str]:
    """The modules that are compiled, and updated over the air: all but main.py and slots.py."""
    return {name: (FIRMWARE / name).read_text() for name in files() if "/" in name}


def compiled(program: dict[str, str]) -> dict[str, bytes]:
    """The files of a device, adapter/app.mpy and so on, from sources() or others like them."""
    whole = Program(program)
    return {name.removesuffix(".py") + ".mpy": whole.compile(name) for name in program}


def collect(target: Path, in_place: bool = False) -> None:
    """Puts what a device gets into the folder target."""
    modules = {} if in_place else compiled(sources())
    for name, data in modules.items():
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        (target / name).write_bytes(data)
    for name in files():
        if "/" not in name:
            shutil.copyfile(FIRMWARE / name, target / name)


def romfs() -> bytes:
    """A ROMFS image of the modules; main.py and slots.py are files beside it."""
    from mpremote.romfs import VfsRomWriter  # type: ignore[import-untyped]

    writer = VfsRomWriter()
    here: list[str] = []
    for name, data in sorted(compiled(sources()).items()):
        *folders, leaf = name.split("/")
        while here != folders[: len(here)]:
            here.pop()
            writer.closedir()
        while len(here) < len(folders):
            here.append(folders[len(here)])
            writer.opendir(here[-1])
        writer.mkfile(leaf, data)
    for _ in here:
        writer.closedir()
    return bytes(writer.finalise())


def flash(port: str | None, in_place: bool = False) -> None:
    """Installs it; in_place: only the files beside the modules, which are in the image."""
    connect = ["connect", port] if port else []
    with tempfile.TemporaryDirectory() as folder:
        collect(Path(folder), in_place)
        mpremote(*connect, "run", "/dev/stdin", given=CLEAR)
        mpremote(*connect, "cp", "-r", f"{folder}/.", ":")


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--board", metavar="PORT", help="default: the connected board")
    parser.add_argument("--romfs", type=Path, metavar="FILE", help="write a ROMFS image")
    parser.add_argument("--list", action="store_true", help="write firmware/package.json")
    arguments = parser.parse_args()
    if arguments.list:
        PACKAGE.write_text(package())
        return 0
    try:
        if arguments.romfs:
            arguments.romfs.write_bytes(romfs())
            return 0
        flash(arguments.board)
    except (DoesNotCompile, BoardRefused) as why:
        print(f"flash: {why}", file=sys.stderr)
        return 1
    print("flashed; now type: python -m tools.provision")
    return 0


if __name__ == "__main__":
    sys.exit(main())
