"""Settings that name a file: one that can be read, one for its owner alone, what is in it."""

import stat
from pathlib import Path, PosixPath
from typing import ClassVar, Self

from .toml_file import WrongKey

_SECRET_MAX = 4096  # characters of a password or key file


class FolderPath(PosixPath):
    """A path that is relative to the folder of the settings file. Nothing need be there."""

    allowed: ClassVar[str] = "a path in quotes"

    @classmethod
    def from_setting(cls, text: str, folder: Path) -> Self:
        return cls(folder / Path(text).expanduser())


class ReadableFile(FolderPath):
    """The path of a file that is there and can be read."""

    allowed: ClassVar[str] = "the path of a file in quotes"

    @classmethod
    def from_setting(cls, text: str, folder: Path) -> Self:
        path = super().from_setting(text, folder)
        try:
            with path.open("rb"):
                return path
        except OSError as e:
            raise ValueError(f"names {path}: {(e.strerror or str(e)).lower()}") from None


class PrivateFile(ReadableFile):
    """The path of a file that nobody but its owner may read."""

    @classmethod
    def from_setting(cls, text: str, folder: Path) -> Self:
        path = super().from_setting(text, folder)
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            raise ValueError(f"names {path}, which others may read; type: chmod 600 {path}")
        return path


class Secret(str):
    """The text in a private file, without the white space around it. Never shown by repr()."""

    allowed: ClassVar[str] = "the path of a file in quotes"
    __slots__ = ()

    @classmethod
    def from_setting(cls, text: str, folder: Path) -> Self:
        path = PrivateFile.from_setting(text, folder)
        try:
            content = path.read_text(encoding="utf-8-sig")[: _SECRET_MAX + 1].strip()
        except UnicodeDecodeError:
            content = ""
        if not 0 < len(content) <= _SECRET_MAX:
            raise ValueError(f"names {path}, which must hold 1 to {_SECRET_MAX} characters")
        return cls(content)

    def __repr__(self) -> str:
        return "Secret(...)"


def check_pair(certificate: Path | None, key: Path | None) -> None:
    """Raise WrongKey if only one of the keys "certificate" and "key" is given."""
    if (certificate is None) != (key is None):
        missing, given = ("key", "certificate") if key is None else ("certificate", "key")
        raise WrongKey(missing, f"is missing: it belongs to {given}")
