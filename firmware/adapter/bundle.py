"""A signed bundle: a version of the firmware in one file.

    "SMU1" | length of the header, 4 bytes, big endian | header | files | signature

The header is JSON, {"version": "0.2.0", "files": [["adapter/app.py", 1234], ...]}; the files
follow one behind the other. The signature (rsa.py) covers every byte before it. Nothing of a
bundle is acted upon, its version not even read, before its signature was checked.
"""

import asyncio
import hashlib
import json
import os

import slots

from . import rsa

TYPE_CHECKING = False  # what follows is for mypy; a device has no typing
if TYPE_CHECKING:
    from io import BufferedReader

MAGIC = b"SMU1"
BYTES_MAX = 900 * 1024
_HEADER_MAX = 16384
_FILES_MAX = 256
_PIECE = 1024
_PLACES = ("adapter/", "lib/")
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_./"


class Refused(Exception):
    """Why a bundle is refused; one sentence."""


def number(version: object) -> "tuple[int, ...]":
    """0.10.2 as (0, 10, 2), so that versions compare; Refused if it is not one."""
    parts = version.split(".") if isinstance(version, str) else []
    if not 1 < len(parts) < 5 or [p for p in parts if not p.isdigit() or len(p) > 6]:
        raise Refused("a version is two to four numbers with points between")
    return tuple([int(p) for p in parts])


async def install(path: str, modulus: bytes, running: str) -> str:
    """Checks the bundle at path, unpacks it, and sets it up for the next start.

    The version. Refused if it may not run: a wrong signature, or not newer than `running`.
    """
    size = os.stat(path)[6]
    if not len(MAGIC) + 4 + len(modulus) < size <= BYTES_MAX:
        raise Refused("a bundle is at most %d bytes long" % BYTES_MAX)
    with open(path, "rb") as f:
        await _check(f, size - len(modulus), modulus)
        f.seek(0)
        version, files = _header(f, size - len(modulus))
        if number(version) <= number(running):
            raise Refused("version %s is not newer than %s, which runs" % (version, running))
        slot = slots.free()
        if slot is None:
            raise Refused("version %s is on trial itself; wait until it has published" % running)
        clear("/" + slot)
        for name, length in files:
            await _unpack(f, "/" + slot + "/" + name, length)
    slots.try_out(slot, version)
    os.remove(path)
    return version


async def _check(f: "BufferedReader", signed: int, modulus: bytes) -> None:
    digest = hashlib.sha256()
    left = signed
    while left:
        piece = f.read(min(left, _PIECE))
        if not piece:
            raise Refused("the bundle is cut short")
        digest.update(piece)
        left -= len(piece)
        await asyncio.sleep_ms(0)
    if not rsa.verify(modulus, f.read(len(modulus)), digest.digest()):
        raise Refused("its signature is not by the key of the settings")


def _header(f: "BufferedReader", signed: int) -> "tuple[str, list[tuple[str, int]]]":
    if f.read(4) != MAGIC:
        raise Refused("it is not a bundle")
    length = int.from_bytes(f.read(4), "big")
    if length > _HEADER_MAX:
        raise Refused("its header is too long")
    try:
        header = json.loads(f.read(length))
        version = header["version"]
        files = [(name, size) for name, size in header["files"]]
        if [1 for name, size in files if not isinstance(name, str) or not isinstance(size, int)]:
            raise ValueError
    except (ValueError, KeyError, TypeError):
        raise Refused("its header cannot be read")
    if len(files) > _FILES_MAX or sum([s for _, s in files]) != signed - 8 - length:
        raise Refused("its files are not as long as its header says")
    for name, size in files:
        if not _is_place(name) or size < 0:
            raise Refused("it contains a file that is not the adapter's")
    return version, files


def _is_place(name: str) -> bool:
    if not name.startswith(_PLACES) or ".." in name or len(name) > 64:
        return False
    return not [c for c in name if c not in _LETTERS]


async def _unpack(f: "BufferedReader", path: str, length: int) -> None:
    at = path.find("/", 1)
    while at > 0:
        try:
            os.mkdir(path[:at])
        except OSError:
            pass  # it is there
        at = path.find("/", at + 1)
    with open(path, "wb") as out:
        while length:
            piece = f.read(min(length, _PIECE))
            out.write(piece)
            length -= len(piece)
            await asyncio.sleep_ms(0)


def clear(path: str) -> None:
    """Removes a folder and everything in it."""
    try:
        entries = os.listdir(path)
    except OSError:
        return
    for name in entries:
        inner = path + "/" + name
        if os.stat(inner)[0] & 0x4000:
            clear(inner)
        else:
            os.remove(inner)
    os.rmdir(path)
