"""The compiled firmware as scripts that put it on a board, one for each piece of a file."""

import binascii
import hashlib
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .. import COMPILED, DATA, IS_INSTALLED
from ..device import CLEAR
from ..prompt import Refused

# Bytes of a file in one script: its base64 and the decoded bytes fit the smallest heap easily.
_PIECE = 3072
_COMPILE = """
import pathlib, sys
from tools.flash import collect
collect(pathlib.Path(sys.argv[1]))
"""
_COMPILE_S = 300


def scripts() -> list[dict[str, Any]]:
    """[{"file", "script", "shows"}]: each script prints the line that it shows, in this order.

    Raises Refused if the firmware cannot be compiled, which only a checkout has to do.
    """
    if IS_INSTALLED:
        return list(_scripts(COMPILED))
    with tempfile.TemporaryDirectory() as folder:
        # tools.flash imports this package, so it compiles in a process of its own
        done = subprocess.run(
            [sys.executable, "-c", _COMPILE, folder],
            cwd=DATA,
            capture_output=True,
            text=True,
            timeout=_COMPILE_S,
        )
        if done.returncode:
            raise Refused(f"the firmware does not compile: {done.stderr.strip()[-200:]}")
        return list(_scripts(Path(folder)))


def _scripts(folder: Path) -> Iterator[dict[str, Any]]:
    yield {"file": "", "script": CLEAR + "print('cleared')\n", "shows": "cleared"}
    # main.py comes last: a new board that loses its power before starts nothing.
    files = sorted(
        (path for path in folder.rglob("*") if path.is_file()),
        key=lambda path: (path.name == "main.py", path),
    )
    for path in files:
        name = path.relative_to(folder).as_posix()
        data = path.read_bytes()
        for at in range(0, max(len(data), 1), _PIECE):
            piece = binascii.b2a_base64(data[at : at + _PIECE], newline=False)
            mode = "r+b" if at else "wb"
            yield {
                "file": name,
                "script": _WRITE.format(name=name, mode=mode, at=at, piece=piece),
                "shows": f"at {at + len(data[at : at + _PIECE])}",
            }
        yield {
            "file": name,
            "script": _DIGEST.format(name=name),
            "shows": hashlib.sha256(data).hexdigest(),
        }


_WRITE = """
import binascii, os
name = {name!r}
folders = name.split("/")[:-1]
for i in range(len(folders)):
    try:
        os.mkdir("/".join(folders[: i + 1]))
    except OSError:
        pass
with open(name, {mode!r}) as f:
    f.seek({at})
    f.write(binascii.a2b_base64({piece!r}))
    print("at", f.tell())
"""
_DIGEST = """
import hashlib
digest = hashlib.sha256()
with open({name!r}, "rb") as f:
    while piece := f.read(1024):
        digest.update(piece)
print("".join(["%02x" % b for b in digest.digest()]))
"""
