"""Write a file as a whole: who reads it meanwhile sees the old or the new content."""

import contextlib
import os
import secrets
from pathlib import Path


def write_file(path: Path, data: bytes, mode: int) -> None:
    """Replace path by a file with those permissions, on disk before it has its name.

    Several processes may do so at once; the last one wins. Raises OSError.
    """
    new = path.with_name(f"{path.name}.{secrets.token_hex(4)}.new")
    try:
        with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as f:
            os.fchmod(f.fileno(), mode)  # the umask may have taken some
            f.write(data)
            f.flush()
            os.fsync(f.fileno())
        new.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            new.unlink()
        raise
