"""Reads a TOML file strictly: every error names the file, the line, the key and what is allowed."""

import os
import re
import stat
import tomllib
from pathlib import Path
from typing import Any

_SECRET_MAX = 4096  # characters of a password or key file
_HEADER = re.compile(r"^\s*(\[\[?)\s*([\w.-]+)\s*\]\]?\s*(#.*)?$")


class SettingsError(Exception):
    """One sentence that names what is wrong and what to do."""


class Table:
    """One table of the file. Take what is known by the methods, then call done()."""

    def __init__(self, file: "SettingsFile", name: str, index: int, values: dict[str, Any]) -> None:
        self._file = file
        self._name = name
        self._index = index
        self._values = values
        self._known: list[str] = []

    def wrong(self, key: str, what: str) -> SettingsError:
        """The error that says what is wrong with key."""
        line = self._file.line(self._name, self._index, key)
        where = f"{self._file.path}, line {line}" if line else str(self._file.path)
        label = f"{self._name}.{key}" if self._name else key
        return SettingsError(f"{where}: {label} {what}")

    def _take(self, key: str) -> Any:
        self._known.append(key)
        return self._values.get(key)

    def has(self, key: str) -> bool:
        """Whether the key is given."""
        return key in self._values

    def text(self, key: str, default: str | None = None, *, choices: tuple[str, ...] = ()) -> str:
        """The text of key; an error where it is missing and there is no default."""
        value = self._take(key)
        if value is None:
            if default is None:
                raise self.wrong(key, "is missing" + _allowed(choices))
            return default
        if not isinstance(value, str) or not value or (choices and value not in choices):
            raise self.wrong(key, "must be " + (_one_of(choices) or "a text in quotes"))
        return value

    def optional(self, key: str, *, choices: tuple[str, ...] = ()) -> str | None:
        """The text of key, or None."""
        return self.text(key, choices=choices) if key in self._values else self._take(key)

    def texts(self, key: str) -> list[str] | None:
        """The list of texts of key, or None."""
        value = self._take(key)
        if value is None:
            return None
        if not isinstance(value, list) or not all(isinstance(v, str) and v for v in value):
            raise self.wrong(key, "must be a list of texts in quotes")
        return value

    def whole(self, key: str, default: int | None, low: int, high: int) -> int | None:
        """The whole number of key, from low to high."""
        value = self._take(key)
        if value is None:
            return default
        if type(value) is not int or not low <= value <= high:
            raise self.wrong(key, f"must be a whole number from {low} to {high}")
        return value

    def flag(self, key: str, default: bool) -> bool:
        """true or false."""
        value = self._take(key)
        if value is None:
            return default
        if not isinstance(value, bool):
            raise self.wrong(key, "must be true or false")
        return value

    def path(self, key: str, default: str | None = None) -> Path | None:
        """A path, taken from the folder of the settings file where it is a relative one."""
        value = self.optional(key) or default
        return None if value is None else self._file.path.parent / Path(value).expanduser()

    def file(self, key: str) -> Path | None:
        """The path of a file that is there and can be read."""
        path = self.path(key)
        if path is not None:
            self._readable(key, path)
        return path

    def secret(self, key: str) -> str | None:
        """The text in a file that nobody but its owner may read, without the white space around."""
        path = self.secret_file(key)
        if path is None:
            return None
        try:
            text = path.read_text(encoding="utf-8-sig")[: _SECRET_MAX + 1].strip()
        except UnicodeDecodeError:
            text = ""
        if not text or len(text) > _SECRET_MAX:
            raise self.wrong(key, f"names {path}, which must hold 1 to {_SECRET_MAX} characters")
        return text

    def secret_file(self, key: str) -> Path | None:
        """The path of a file that nobody but its owner may read."""
        path = self.file(key)
        if path is not None and stat.S_IMODE(path.stat().st_mode) & 0o077:
            raise self.wrong(key, f"names {path}, which others may read; type: chmod 600 {path}")
        return path

    def meter_key(self, key: str) -> bytes | None:
        """The 16 bytes of a meter's key: a file of 32 hex digits, white space in them is fine."""
        text = self.secret(key)
        if text is None:
            return None
        digits = "".join(text.split())
        if len(digits) != 32 or not re.fullmatch(r"[0-9A-Fa-f]+", digits):
            raise self.wrong(
                key, f"names a file that must hold 32 hex digits and holds {len(digits)} characters"
            )
        return bytes.fromhex(digits)

    def _readable(self, key: str, path: Path) -> None:
        try:
            with path.open("rb"):
                pass
        except OSError as why:
            raise self.wrong(key, f"names {path}: {(why.strerror or str(why)).lower()}") from None

    def done(self) -> None:
        """An error where the table holds a key that nobody asked for."""
        for key in self._values:
            if key not in self._known:
                raise self.wrong(key, "is not a setting here" + _allowed(tuple(self._known)))


def _one_of(choices: tuple[str, ...]) -> str:
    return ("one of " + ", ".join(choices)) if choices else ""


def _allowed(choices: tuple[str, ...]) -> str:
    return f"; allowed: {', '.join(choices)}" if choices else ""


class SettingsFile:
    """A TOML file that was read."""

    def __init__(self, path: Path) -> None:
        self.path = Path(os.path.abspath(path))
        try:
            self._text = self.path.read_text(encoding="utf-8-sig")  # some editors put a mark first
        except FileNotFoundError:
            raise SettingsError(
                f"{path}: no such file or directory; `smartmeter-gateway init` writes one"
            ) from None
        except OSError as why:
            raise SettingsError(f"{path}: {(why.strerror or str(why)).lower()}") from None
        except UnicodeDecodeError:
            raise SettingsError(f"{path}: must be UTF-8 text") from None
        try:
            self._values = tomllib.loads(self._text)
        except (tomllib.TOMLDecodeError, RecursionError) as why:
            raise SettingsError(f"{path}: not TOML: {why}") from None

    def top(self, tables: tuple[str, ...]) -> Table:
        """What stands before the first table; tables: the names that the file may have."""
        for name, value in self._values.items():
            if name in tables:
                single = isinstance(value, dict)
                if not single and not (
                    isinstance(value, list) and all(isinstance(v, dict) for v in value)
                ):
                    raise SettingsError(f"{self.path}: {name} must be a table: [{name}]")
            elif isinstance(value, dict | list):
                line = self.line(name, 0, None)
                where = f"{self.path}, line {line}" if line else str(self.path)
                raise SettingsError(f"{where}: [{name}] is not known{_allowed(tables)}")
        plain = {k: v for k, v in self._values.items() if k not in tables}
        return Table(self, "", 0, plain)

    def table(self, name: str) -> Table | None:
        """The table [name], or None."""
        value = self._values.get(name)
        if isinstance(value, list):
            raise SettingsError(f"{self.path}: [[{name}]] must be one table: [{name}]")
        return None if value is None else Table(self, name, 0, value)

    def tables(self, name: str) -> list[Table]:
        """All [[name]]; [name] alone is one of them."""
        value = self._values.get(name, [])
        if isinstance(value, dict):
            value = [value]
        return [Table(self, name, i, v) for i, v in enumerate(value)]

    def line(self, table: str, index: int, key: str | None) -> int | None:
        """The line of key (or of the table's head) in the file; None where it cannot be told."""
        here = ""
        seen = -1
        head: int | None = None
        assigned = re.compile(rf'^\s*(?:{re.escape(key)}|"{re.escape(key)}")\s*=') if key else None
        for number, line in enumerate(self._text.splitlines(), 1):
            if found := _HEADER.match(line):
                here = found[2]
                if here == table:
                    seen += 1
                    head = number if seen == index else head
            elif (
                assigned and here == table and (not table or seen == index) and assigned.match(line)
            ):
                return number
        return head
