"""One table of the settings file: each value is what it may be, or that is said in a sentence."""

import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

DAYS_MIN = 2  # today and yesterday are always there


class ConfigError(Exception):
    """One sentence for the person who wrote the file."""


class Table:
    """Each taken key is checked, and what is left over is refused."""

    def __init__(self, source: Path, name: str, content: dict[str, Any]) -> None:
        self.source = source
        self.name = name
        self._left = dict(content)
        self._known: list[str] = []

    def _take(self, key: str, kind: type, allowed: str, default: Any) -> Any:
        self._known.append(key)
        value = self._left.pop(key, default)
        if value is default:
            return default
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise self.error(key, allowed)
        return value

    def error(self, key: str, allowed: str) -> ConfigError:
        return ConfigError(f"{self.source}: {self.name}.{key} must be {allowed}")

    def text(
        self,
        key: str,
        allowed: str = "a text",
        default: str | None = None,
        check: Callable[[str], bool] = bool,
    ) -> str | None:
        value: str | None = self._take(key, str, allowed, default)
        if value is not None and not check(value):
            raise self.error(key, allowed)
        return value

    def port(self, default: int | None, free: bool = False, key: str = "port") -> Any:
        low = 0 if free else 1
        allowed = f"a port, {low} to 65535" + (" (0 takes a free one)" if free else "")
        value: int | None = self._take(key, int, allowed, default)
        if value is not None and not low <= value <= 65535:
            raise self.error(key, allowed)
        return value

    def days(self, key: str, default: int | None) -> int | None:
        """A number of days; 0 for ever."""
        allowed = f"days from {DAYS_MIN} to 36500, or 0 for ever"
        value: int | None = self._take(key, int, allowed, default)
        if value == 0:
            return None
        if value is not None and not DAYS_MIN <= value <= 36500:
            raise self.error(key, allowed)
        return value

    def flag(self, key: str, default: bool) -> bool:
        value: bool = self._take(key, bool, "true or false", default)
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        allowed = "a list of texts"
        value = self._take(key, list, allowed, [])
        if not all(isinstance(v, str) and v for v in value):
            raise self.error(key, allowed)
        return tuple(value)

    def file(self, key: str, secret: bool = False) -> Path | None:
        """A file that is there and can be read; a secret one by nobody else."""
        text = self.text(key, "the path of a file")
        if text is None:
            return None
        path = self.source.parent / Path(text).expanduser()
        try:
            mode = path.stat().st_mode
            with path.open("rb"):
                pass
        except OSError as e:
            raise ConfigError(
                f"{self.source}: {self.name}.{key}: {path} cannot be read: {e.strerror}"
            ) from None
        if secret and stat.S_IMODE(mode) & 0o077:
            raise ConfigError(
                f"{self.source}: {self.name}.{key}: {path} can be read by others; "
                f"type: chmod 600 {path}"
            )
        return path

    def secret(self, key: str) -> str | None:
        """What the first line of a file holds."""
        path = self.file(key, secret=True)
        if path is None:
            return None
        try:
            text = path.read_text().split("\n", 1)[0].strip()
        except UnicodeDecodeError:
            text = ""
        if not text:
            raise ConfigError(f"{self.source}: {self.name}.{key}: {path} holds no password")
        return text

    def pair(self) -> tuple[Path | None, Path | None]:
        certificate, key = self.file("certificate"), self.file("key", secret=True)
        if (certificate is None) != (key is None):
            raise ConfigError(
                f"{self.source}: {self.name}.certificate and {self.name}.key go together"
            )
        return certificate, key

    def end(self) -> None:
        for key in self._left:
            known = ", ".join(self._known)
            raise ConfigError(f"{self.source}: {self.name}.{key} is unknown; there are {known}")
