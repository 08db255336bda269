"""Installs the firmware on a board: compiled, because its sources need three times the memory.

    python -m tools.flash [--board PORT]    installs it
    python -m tools.flash --romfs FILE      writes a ROMFS image: modules then run in place
    python -m tools.flash --list            writes firmware/package.json, the list for `mip`

A board with PSRAM runs the sources, too: mpremote cp -r firmware/. :
"""

import argparse
import ast
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

    Those that main.py never imports stay away, because only the servers and tools use them. So
    does an empty __init__.py: MicroPython takes a folder without one for a package, and loading
    each would cost 70 bytes of heap.
    """
    found = {"main": FIRMWARE / "main.py", "slots": FIRMWARE / "slots.py"}
    for root in (FIRMWARE, FIRMWARE / "lib"):
        for folder in ("adapter", "smartmeter"):
            for path in sorted((root / folder).rglob("*.py")):
                names = path.relative_to(root).with_suffix("").parts
                found[".".join(names[:-1] if names[-1] == "__init__" else names)] = path
    reached: set[str] = set()
    waiting = {"main"}
    while waiting:
        module = waiting.pop()
        reached.add(module)
        waiting |= (_imported(module, found[module]) & found.keys()) - reached
    return [
        path.relative_to(FIRMWARE).as_posix()
        for module, path in found.items()
        if module in reached and path.stat().st_size and not path.stem.endswith("_native")
    ]


def _imported(module: str, path: Path) -> set[str]:
    """The names that a module imports at run time, at any place in it, and their packages."""
    package = module.split(".") if path.stem == "__init__" else module.split(".")[:-1]
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            node.body = []
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            base = base + node.module.split(".") if node.module else base
            found |= {".".join([*base, alias.name]) for alias in node.names}
    return {name.rsplit(".", n)[0] for name in found for n in range(name.count(".") + 1)}


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
    return Program(program).files()


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
