"""A signed bundle: a version of the firmware, unpacked into the free slot while it comes in.

    "SMU2" | length of the header, 4 bytes | header | files | signature
    a file: length of its name, 1 byte | name | length of its content, 4 bytes | content

Numbers are big endian. The header is JSON: {"version": "0.2.0", "mpy": 6, "flash": 311296}, with
the version of the .mpy files and the bytes of flash that they take. The signature (rsa.py) covers
every byte before it. Until it was checked, the slot is nothing but files that nobody runs: a
version is set up for the next start at the very end.
"""

import hashlib
import json
import os
import sys

import slots

from . import rsa

TYPE_CHECKING = False  # what follows is for mypy; a device has no typing
if TYPE_CHECKING:
    from collections.abc import Callable
    from io import BufferedWriter

MAGIC = b"SMU2"
BYTES_MAX = 512 * 1024
_HEADER_MAX = 512
_PLACES = ("adapter/", "lib/")
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_./"
_FOLDER = 0x4000  # of a mode


class Refused(Exception):
    """Why a bundle is refused; one sentence."""


def number(version: object) -> "tuple[int, ...]":
    """0.10.2 as (0, 10, 2), so that versions compare; Refused if it is not one."""
    parts = version.split(".") if isinstance(version, str) else []
    if not 1 < len(parts) < 5 or [p for p in parts if not p.isdigit() or len(p) > 6]:
        raise Refused("a version is two to four numbers with points between")
    return tuple([int(p) for p in parts])


class Unpacker:
    """Takes a bundle of `total` bytes in pieces. Every method raises Refused, or OSError.

    modulus: of the key that has to have signed it; running: the version that runs now.
    meanwhile is called between steps that take long.
    """

    def __init__(
        self, total: int, modulus: bytes, running: str, meanwhile: "Callable[[], None]"
    ) -> None:
        if not len(MAGIC) + 4 + len(modulus) < total <= BYTES_MAX:
            raise Refused("a bundle is at most %d bytes long" % BYTES_MAX)
        slot = slots.free()
        if slot is None:
            raise Refused("version %s is on trial itself; wait until it has published" % running)
        self.total = total
        self.have = 0
        self.version = ""  # of the bundle, once all of it was unpacked and checked
        self._slot = slot
        self._claimed = ""
        self._modulus = modulus
        self._running = running
        self._meanwhile = meanwhile
        self._digest = hashlib.sha256()
        self._signed = total - len(modulus)
        self._head = bytearray()
        self._wanted = len(MAGIC) + 4  # bytes that _head is to have, and what takes them then
        self._next: "Callable[[bytearray], None]" = self._begin
        self._file: "BufferedWriter | None" = None
        self._left = 0  # bytes of the file that are still to come

    def write(self, data: "bytes | memoryview") -> None:
        """The next bytes of the bundle."""
        view = memoryview(data)
        while view:
            n = min(len(view), self._left or self._wanted - len(self._head))
            piece = view[:n]
            view = view[n:]
            if self.have < self._signed:
                self._digest.update(piece)
            self.have += n
            if self._left:
                assert self._file
                self._file.write(piece)
                self._left -= n
            else:
                self._head += piece
                if len(self._head) < self._wanted:
                    return
                head, self._head = self._head, bytearray()
                self._next(head)
            if self._file and not self._left:
                self.close()
                self._entry()

    def close(self) -> None:
        """Ends in the middle of it; nothing of what came is used."""
        if self._file:
            self._file.close()
            self._file = None

    def _want(self, n: int, then: "Callable[[bytearray], None]") -> None:
        if self.have < self._signed < self.have + n:
            raise Refused("its files are not as long as it says")
        self._wanted = n
        self._next = then

    def _begin(self, head: bytearray) -> None:
        length = int.from_bytes(head[4:], "big")
        if head[:4] != MAGIC:
            raise Refused("it is not a bundle for this version")
        if not 0 < length <= _HEADER_MAX:
            raise Refused("its header is too long")
        self._want(length, self._header)

    def _header(self, head: bytearray) -> None:
        try:
            header = json.loads(bytes(head))
            version, mpy, flash = header["version"], header["mpy"], header["flash"]
            if not isinstance(flash, int) or not 0 <= flash < 1 << 30:
                raise ValueError
        except (ValueError, KeyError, TypeError):
            raise Refused("its header cannot be read")
        if number(version) <= number(self._running):
            raise Refused("version %s is not newer than %s, which runs" % (version, self._running))
        ours = sys.implementation._mpy & 0xFF
        if mpy != ours:
            raise Refused(
                "it is compiled to .mpy version %s, and this MicroPython runs version %d"
                % (mpy, ours)
            )
        clear("/" + self._slot, self._meanwhile)
        free = os.statvfs("/")
        room = free[0] * free[3]
        if flash > room:
            raise Refused(
                "it needs %d kB of flash, and %d kB are free" % (flash // 1000, room // 1000)
            )
        self._claimed = version
        self._entry()

    def _entry(self) -> None:
        if self.have == self._signed:
            self._want(len(self._modulus), self._signature)
        else:
            self._want(1, self._name)

    def _name(self, head: bytearray) -> None:
        self._want(head[0] + 4, self._open)

    def _open(self, head: bytearray) -> None:
        length = int.from_bytes(head[-4:], "big")
        try:
            name = bytes(head[:-4]).decode()
        except ValueError:
            name = ""
        if not _is_place(name):
            raise Refused("it contains a file that is not the adapter's")
        if length > self._signed - self.have:
            raise Refused("its files are not as long as it says")
        self._meanwhile()
        path = "/" + self._slot + "/" + name
        at = path.find("/", 1)
        while at > 0:
            try:
                os.mkdir(path[:at])
            except OSError:
                pass  # it is there
            at = path.find("/", at + 1)
        self._file = open(path, "wb")
        self._left = length

    def _signature(self, signature: bytearray) -> None:
        if not rsa.verify(self._modulus, signature, self._digest.digest()):
            raise Refused("its signature is not by the key of the settings")
        slots.try_out(self._slot, self._claimed)
        self.version = self._claimed


def _is_place(name: str) -> bool:
    if not name.startswith(_PLACES) or ".." in name or "//" in name or name[-1] == "/":
        return False
    return len(name) <= 64 and not [c for c in name if c not in _LETTERS]


def clear(path: str, meanwhile: "Callable[[], None]") -> None:
    """Removes a folder and everything in it; meanwhile is called before each file."""
    try:
        entries = os.listdir(path)
    except OSError:
        return
    for name in entries:
        meanwhile()
        inner = path + "/" + name
        if os.stat(inner)[0] & _FOLDER:
            clear(inner, meanwhile)
        else:
            os.remove(inner)
    os.rmdir(path)
