"""`forget`: takes a meter out of everything that the Concentrator keeps and publishes of it."""

import sqlite3
import time
from contextlib import closing
from pathlib import Path

from smartmeter_service.toml_file import SettingsError

from ..config.settings import Config
from ..spool.database import is_in_use

_WAIT_S = 30.0
_KNOWN = "SELECT meter FROM state UNION SELECT meter FROM status UNION SELECT meter FROM memory"


def forget(config: Config, meter: str) -> str:
    """Have a meter and its sub-meters forgotten; returns a sentence for the person.

    It is written into the spool, where the running Concentrator finds it, or the next one that
    starts. Raises SettingsError.
    """
    path = config.spool.path
    _ask(path, meter)
    more = ""
    if meter in {*(port.meter for port in config.ports), *(m.id for m in config.meters)}:
        more = f". It is still in {path.parent}'s settings, so its next reading brings it back"
    if not is_in_use(path):
        return f"no Concentrator runs; {meter} is forgotten when it starts{more}"
    until = time.monotonic() + _WAIT_S
    while _is_waiting(path, meter):
        if time.monotonic() > until:
            raise SettingsError(f"the Concentrator does not answer; {meter} is forgotten later")
        time.sleep(0.1)
    return f"{meter} is forgotten{more}"


def _ask(path: Path, meter: str) -> None:
    if not path.exists():
        raise SettingsError(f"{path} does not exist yet, so there is no meter to forget")
    try:
        with closing(sqlite3.connect(path, timeout=5)) as db, db:
            known = sorted(id for (id,) in db.execute(_KNOWN))
            if meter not in known:
                some = ", ".join(known[:10]) or "none"
                raise SettingsError(f"no meter {meter} is known; known are: {some}")
            db.execute("INSERT OR IGNORE INTO forget VALUES (?)", (meter,))
    except sqlite3.Error as why:
        raise SettingsError(f"{path} cannot be changed: {why}") from None


def _is_waiting(path: Path, meter: str) -> bool:
    with closing(sqlite3.connect(path, timeout=5)) as db:
        found = db.execute("SELECT 1 FROM forget WHERE meter = ?", (meter,)).fetchone()
        return found is not None
