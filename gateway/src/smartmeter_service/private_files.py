"""Readings, keys and logs are for their owner: the umask, and files from before it."""

import contextlib
import stat
from pathlib import Path

PRIVATE_UMASK = 0o077


def hide_database(path: Path) -> None:
    """Take a SQLite database, if it exists, away from other users; its group keeps it.

    Earlier versions left it readable. SQLite gives -wal and -shm the permissions of the database.
    """
    for name in (path.name, f"{path.name}-wal", f"{path.name}-shm"):
        file = path.with_name(name)
        # It may be gone, or belong to somebody else. Neither keeps the program from running.
        with contextlib.suppress(OSError):
            mode = stat.S_IMODE(file.stat().st_mode)
            if mode & stat.S_IRWXO:
                file.chmod(mode & ~stat.S_IRWXO)
