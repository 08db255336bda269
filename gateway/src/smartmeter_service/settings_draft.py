"""A settings file that `init` composes, with the files of secrets beside it."""

import contextlib
import os
import re
from collections.abc import Callable
from pathlib import Path

import msgspec

from .toml_file import SettingsError, TomlFile


class Draft:
    """Lines of TOML, and secrets by the names of their files."""

    def __init__(self, comment: str, folder: Path) -> None:
        """folder: where the file will be; other files are named relative to it."""
        self.folder = folder
        self.lines = [f"# {comment}"]
        self.secrets: dict[str, str] = {}
        self.needs_authority = False  # whether settings name a certificate of our own CA

    def table(self, head: str, comment: str) -> None:
        """Begin a table; head is such as [lan] or [[port]]."""
        self.lines += ["", f"# {comment}", head]

    def put(self, key: str, value: str, comment: str = "") -> None:
        """Add a setting, unless its value is empty. Raises SettingsError."""
        if value:
            self.lines.append(_line(key, value) + (f"  # {comment}" if comment else ""))

    def check(self, kind: type[msgspec.Struct], key: str) -> Callable[[str], None]:
        """A check for the next setting of the table that was begun last.

        It raises SettingsError if the loader would refuse that value. What the loader says of
        other keys does not count, because they may still follow.
        """
        heads = [i for i, line in enumerate(self.lines) if line.startswith("[")]
        return self._check(self.lines[heads[-1] + 1 :] if heads else self.lines, kind, key)

    def check_first(self, kind: type[msgspec.Struct], key: str) -> Callable[[str], None]:
        """The same for the first setting of a table that is not begun yet."""
        return self._check([], kind, key)

    def _check(
        self, before: list[str], kind: type[msgspec.Struct], key: str
    ) -> Callable[[str], None]:
        def check(value: str) -> None:
            text = "\n".join([*before, _line(key, value)])
            try:
                TomlFile(self.folder / "settings", text=text).read(kind)
            except SettingsError as e:
                if e.where == key:
                    raise SettingsError(e.reason) from None

        return check

    def secret(self, key: str, file: str, value: str) -> None:
        """Add a setting that names the file of a secret, unless the secret is empty."""
        if value:
            self.secrets[file] = value
            self.put(key, file)

    def write(self, path: Path, force: bool, load: Callable[[Path], object]) -> None:
        """Write all files, or none of them if load() refuses the settings.

        Only their owner can read the secrets. Raises SettingsError.
        """
        new = path.with_name(path.name + ".new")
        secrets = {path.parent / name: text for name, text in self.secrets.items()}
        for file in (path, *secrets):
            if file.exists() and not force:
                raise SettingsError(f"{file} exists already; use --force to replace it")
        written: list[Path] = []
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            for file, text in secrets.items():
                written.append(file)
                _write(file, text, 0o600)
            written.append(new)
            _write(new, "\n".join(self.lines), 0o644)
            load(new)
            new.replace(path)
        except (OSError, SettingsError) as e:
            for file in written:
                with contextlib.suppress(OSError):
                    file.unlink()
            if isinstance(e, SettingsError):
                raise SettingsError(e.reason) from None  # the file that it names is gone
            raise SettingsError(f"{e.filename}: {(e.strerror or str(e)).lower()}") from None


def replace_table(path: Path, name: str, lines: list[str], load: Callable[[Path], object]) -> None:
    """Put lines in the place of a table such as [cloud], or at the file's end.

    The comments above the table go with it. The file stays as it is if load() refuses the result,
    or if it cannot be written. Raises SettingsError.
    """
    new = path.with_name(path.name + ".new")
    try:
        old = path.read_text(encoding="utf-8-sig").splitlines()
        begin, end = _table_at(old, name)
        _write(new, "\n".join([*old[:begin], *lines, "", *old[end:]]).rstrip(), 0o644)
        load(new)
        new.replace(path)
    except (OSError, SettingsError) as e:
        with contextlib.suppress(OSError):
            new.unlink()
        if isinstance(e, SettingsError):
            raise SettingsError(e.reason) from None
        raise SettingsError(f"{e.filename}: {(e.strerror or str(e)).lower()}") from None


def _table_at(lines: list[str], name: str) -> tuple[int, int]:
    """The first line of a table, with its comments, and the line after its last."""
    heads = [i for i, line in enumerate(lines) if line.lstrip().startswith("[")]
    for i, next_head in zip(heads, [*heads[1:], len(lines)], strict=True):
        if lines[i].split("#")[0].strip() == f"[{name}]":
            begin, end = i, next_head
            while begin and lines[begin - 1].startswith("#"):
                begin -= 1
            while end < len(lines) and end > i + 1 and lines[end - 1].startswith("#"):
                end -= 1  # the comments of the next table
            return begin, end
    return len(lines), len(lines)


def _line(key: str, value: str) -> str:
    if re.fullmatch(r"\d+|true|false", value):
        return f"{key} = {value}"
    if value.isprintable() and not set(value) & set('"\\'):
        return f'{key} = "{value}"'
    raise SettingsError(f"{value!r} cannot be in the configuration; use plain characters")


def _write(path: Path, text: str, mode: int) -> None:
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "w") as f:
        os.fchmod(f.fileno(), mode)
        f.write(text + "\n")
