"""The users of the embedded LAN broker that came by pairing: METER:PASSWORD, one a line.

Each is named for its smartMeterId, so the broker restricts it to the topics of that meter.
"""

import secrets
from pathlib import Path

from smartmeter_service.atomic_file import write_file
from smartmeter_service.toml_file import SettingsError

_NAME = "paired.users"
_MAX = 1000  # a household has a few


class PairedUsers:
    """The file paired.users in a folder, which only its owner can read."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / _NAME

    def load(self) -> dict[str, str]:
        """smartMeterId -> password. Raises SettingsError if the file cannot be read."""
        try:
            text = self._path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return {}
        except (OSError, UnicodeDecodeError) as why:
            raise SettingsError(f"{self._path} cannot be read: {why}") from None
        pairs = (line.partition(":") for line in text.splitlines()[:_MAX])
        return {name: password for name, _, password in pairs if name and password}

    def add(self, meter: str) -> str:
        """The new password of a meter's user, which is on disk. Raises OSError, SettingsError."""
        users = self.load()
        users[meter] = secrets.token_urlsafe(18)
        if len(users) > _MAX:
            raise SettingsError(f"{self._path} holds {_MAX} users; remove those you do not need")
        lines = [f"{user}:{password}\n" for user, password in users.items()]
        write_file(self._path, "".join(lines).encode(), 0o600)
        return users[meter]
