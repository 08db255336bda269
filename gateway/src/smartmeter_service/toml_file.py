"""Read a TOML settings file into msgspec Structs.

Every error is one sentence that names the file, the line, the key and what is allowed.
A Struct describes one table of the file, each field's type says what its key may hold.
"""

import difflib
import os
import re
import tomllib
import types
from pathlib import Path
from typing import (
    Annotated,
    Any,
    ClassVar,
    Literal,
    Protocol,
    Self,
    TypeVar,
    Union,
    get_args,
    get_origin,
)

import msgspec

_HEADER = re.compile(r"^\s*\[\[?\s*([\w.-]+)\s*\]\]?\s*(?:#.*)?$")
_AT = re.compile(r"^(.*?)(?: - at `\$\.?(.*)`)?$", re.DOTALL)
_UNKNOWN = re.compile(r"^Object contains unknown field `(.*)`$", re.DOTALL)
_MISSING = re.compile(r"^Object missing required field `(.*)`$")
_STEP = re.compile(r"([^.\[]+)(?:\[(\d+)\])?\.?")

T = TypeVar("T")

Text = Annotated[str, msgspec.Meta(min_length=1, description="a text in quotes")]
Port = Annotated[int, msgspec.Meta(ge=1, le=65535, description="a port, 1 to 65535")]
ListenPort = Annotated[
    int, msgspec.Meta(ge=0, le=65535, description="a port, 0 to 65535 (0 takes a free one)")
]


class SettingsError(Exception):
    """One sentence that names what is wrong and what to do.

    reason leaves out file and line; where is the key that is wrong, such as "broker.port".
    """

    def __init__(self, text: str, reason: str = "", where: str = "") -> None:
        super().__init__(text)
        self.reason = reason or text
        self.where = where


class WrongKey(ValueError):
    """A key does not fit the other keys of its table. Raise it in a Table's __post_init__."""

    def __init__(self, key: str, what: str) -> None:
        super().__init__(key, what)
        self.key = key
        self.what = what


class Table(msgspec.Struct, forbid_unknown_fields=True):
    """One table of a settings file. Keys that the subclass does not name are refused."""


class Setting(Protocol):
    """A type for a key: created from the text in the file, or refused by a ValueError.

    The error's text follows the key in the sentence: "must be ...", "names FILE, which ...".
    """

    allowed: ClassVar[str]

    @classmethod
    def from_setting(cls, text: str, folder: Path) -> Self: ...


class TomlFile:
    """A settings file that was read and is TOML.

    Raises SettingsError. if_missing ends the sentence about a file that is not there. text is
    the content of a file that is not written yet.
    """

    def __init__(self, path: Path, if_missing: str = "", text: str | None = None) -> None:
        self.path = Path(os.path.abspath(path))
        try:
            # some editors put a mark first
            self._text = self.path.read_text(encoding="utf-8-sig") if text is None else text
        except FileNotFoundError:
            hint = f"; {if_missing}" if if_missing else ""
            raise SettingsError(f"{path}: no such file or directory{hint}") from None
        except OSError as e:
            raise SettingsError(f"{path}: {(e.strerror or str(e)).lower()}") from None
        except UnicodeDecodeError:
            raise SettingsError(f"{path}: must be UTF-8 text") from None
        try:
            self.values = tomllib.loads(self._text)
        except (tomllib.TOMLDecodeError, RecursionError) as e:
            raise SettingsError(f"{path}: not TOML: {e}") from None

    def read(self, kind: type[T], table: str = "") -> T:
        """The whole file, or one table of it, as kind. Raises SettingsError."""
        content = self.values.get(table, {}) if table else self.values
        try:
            return msgspec.convert(content, kind, dec_hook=self._setting)
        except msgspec.ValidationError as e:
            raise self._explained(e, kind, table) from None

    def wrong(self, where: str, what: str) -> SettingsError:
        """The error that says what is wrong with a key, such as "broker.port" or "port[1].baud"."""
        line = self._line(where)
        at = f"{self.path}, line {line}" if line else str(self.path)
        label = re.sub(r"\[\d+\]", "", where)
        return SettingsError(f"{at}: {label} {what}", f"{label} {what}", label)

    def _setting(self, kind: type[Any], value: Any) -> Any:
        if not isinstance(value, str) or not value:
            raise ValueError(f"must be {kind.allowed}")
        return kind.from_setting(value, self.path.parent)

    def _explained(
        self, error: msgspec.ValidationError, kind: type[Any], table: str
    ) -> SettingsError:
        message, at = _AT.match(str(error)).groups("")  # type: ignore[union-attr]
        where = f"{table}.{at}".strip(".")
        cause = error.__cause__
        if isinstance(cause, WrongKey):
            return self.wrong(f"{where}.{cause.key}".lstrip("."), cause.what)
        if isinstance(cause, ValueError):
            return self.wrong(where, str(cause))
        found = _type_at(kind, at)
        if missing := _MISSING.match(message):
            key = missing[1]
            return self.wrong(
                f"{where}.{key}".lstrip("."), f"is missing: give {_allowed(_field(found, key))}"
            )
        if unknown := _UNKNOWN.match(message):
            return self._unknown(where, unknown[1], found)
        if at.endswith("]") and not _is_table(found):  # one of a list of values
            at, where = at.rpartition("[")[0], where.rpartition("[")[0]
            found = _type_at(kind, at)
        return self.wrong(where, f"must be {_allowed(found, where)}")

    def _unknown(self, where: str, key: str, kind: Any) -> SettingsError:
        is_table = not where and isinstance(self.values.get(key), dict | list)
        known = [f.encode_name for f in _fields(kind) if _is_table(f.type) or not is_table]
        form = "[{}]" if is_table else "{}"
        close = [form.format(name) for name in difflib.get_close_matches(key, known, 1)]
        allowed = ", ".join(form.format(name) for name in known)
        hint = f"did you mean {close[0]}?" if close else f"allowed: {allowed}"
        name = f"{where}.{form.format(key)}".lstrip(".")
        return self.wrong(name, f"is not a setting here; {hint}")

    def _line(self, where: str) -> int | None:
        """The line of a key, or of its table's head; None if neither is found."""
        *tables, (key, _) = [(s[1], int(s[2] or 0)) for s in _STEP.finditer(where.strip("[]"))]
        table, index = tables[0] if tables else ("", 0)
        assigned = re.compile(rf'^\s*(?:{re.escape(key)}|"{re.escape(key)}")\s*=')
        here, seen, head = "", -1, None
        for number, line in enumerate(self._text.splitlines(), 1):
            if header := _HEADER.match(line):
                here = header[1]
                if here == (table or key):
                    seen += 1
                    head = number if seen == index else head
            elif here == table and (not table or seen == index) and assigned.match(line):
                return number
        return head


def _type_at(kind: Any, at: str) -> Any:
    """The type of what stands at a path such as port[1].baud below kind."""
    for step in _STEP.finditer(at):
        kind = _field(kind, step[1])
        if step[2] is not None:
            lists = [k for k in _alternatives(kind) if get_origin(k) in (list, tuple)]
            kind = get_args(lists[0])[0]
    return kind


def _alternatives(kind: Any) -> list[Any]:
    """The members of a union but None; kind alone if it is not one."""
    if get_origin(kind) in (Union, types.UnionType):
        return [k for k in get_args(kind) if k is not type(None)]
    return [kind]


def _fields(kind: Any) -> tuple[msgspec.structs.FieldInfo, ...]:
    for k in _alternatives(kind):
        if isinstance(k, type) and issubclass(k, msgspec.Struct):
            return msgspec.structs.fields(k)
    return ()


def _field(kind: Any, key: str) -> Any:
    return next((f.type for f in _fields(kind) if f.encode_name == key), str)


def _is_table(kind: Any) -> bool:
    return bool(_fields(kind)) or get_origin(_alternatives(kind)[0]) is dict


def _allowed(kind: Any, name: str = "") -> str:
    """What a key of that type may hold, in words."""
    kind = _alternatives(kind)[0]
    if get_origin(kind) is Annotated:
        base, meta = get_args(kind)[:2]
        if meta.description:
            return str(meta.description)
        if base is int:
            return f"a whole number from {meta.ge} to {meta.le}"
        kind = base
    if get_origin(kind) is Literal:
        return "one of " + ", ".join(map(str, get_args(kind)))
    if get_origin(kind) in (list, tuple):
        return f"a list, each {_allowed(get_args(kind)[0])}"
    if _is_table(kind):
        return f"a table, written as [{name}]"
    words = {bool: "true or false", int: "a whole number", str: "a text in quotes"}
    return words.get(kind) or str(kind.allowed)
