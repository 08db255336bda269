"""`forget-counter`: what a person confirms where a meter's counter begins again."""

import sqlite3
from contextlib import closing

from smartmeter_service.toml_file import SettingsError

from ..config.settings import Config
from . import status


def forget(config: Config, meter: str) -> None:
    """Forget the last invocation counter of a meter. Raises SettingsError."""
    if config.http is not None:
        try:
            status.fetch(config)
        except SettingsError:
            pass  # nobody answers, as it should be
        else:
            raise SettingsError("the Concentrator runs, and would remember it; stop it first")
    path = config.spool.path
    if not path.exists():
        raise SettingsError(f"{path} does not exist yet, so there is no counter to forget")
    try:
        with closing(sqlite3.connect(path, timeout=5)) as db, db:
            found = db.execute("DELETE FROM memory WHERE meter = ?", (meter,)).rowcount
    except sqlite3.Error as why:
        raise SettingsError(f"{path} cannot be changed: {why}") from None
    if not found:
        raise SettingsError(f"no counter of {meter} is known")
