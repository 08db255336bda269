"""`backup` and `restore`: the store and the authority of a Cloud in one file.

The file is a tar archive with manifest.json, the store, and the folder of the authority, whose key
signs the Concentrators' certificates. Only its owner can read it. SQLite is copied while `serve`
runs; PostgreSQL by its own pg_dump and pg_restore. Settings and their passwords are not in it.
"""

import io
import os
import shutil
import sqlite3
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import msgspec
import smartmeter
from smartmeter_service.toml_file import SettingsError

from smartmeter_cloud.config.settings import Config, StoreSettings
from smartmeter_cloud.store.factory import version_of
from smartmeter_cloud.store.schema import VERSION

Say = Callable[[str], None]

_MANIFEST, _SQLITE, _DUMP, _AUTHORITY = "manifest.json", "store.sqlite", "store.dump", "authority"
_PAGES = 20_000  # of SQLite, between two lines of progress: 80 MB
_MANIFEST_MAX = 10_000  # bytes


class _Manifest(msgspec.Struct):
    program: str
    schema: int
    store: str  # _SQLITE or _DUMP
    made: str


def backup(settings: Config, path: Path, say: Say) -> None:
    """Write everything to a new file. Raises SettingsError, and then there is no file."""
    if path.exists():
        raise SettingsError(f"{path} exists already; choose another name")
    schema = version_of(settings.store)
    if not schema:
        raise SettingsError("the store is empty, so there is nothing to back up")
    name = _DUMP if settings.store.url else _SQLITE
    made = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    manifest = _Manifest(smartmeter.__version__, schema, name, made)
    new = path.with_name(path.name + ".new")
    try:
        with (
            tempfile.TemporaryDirectory(dir=path.parent, prefix=".backup-") as folder,
            open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as out,
            tarfile.open(fileobj=out, mode="w:gz", compresslevel=1) as archive,
        ):
            store = Path(folder) / name
            (_dump if settings.store.url else _copy)(settings.store, store, say)
            _add_bytes(archive, _MANIFEST, msgspec.json.encode(manifest))
            archive.add(store, name)
            authority = settings.http.enrolment.folder
            for file in sorted(authority.glob("*")) if authority.is_dir() else []:
                if file.is_file():
                    archive.add(file, f"{_AUTHORITY}/{file.name}")
        new.replace(path)
    except (OSError, sqlite3.Error) as why:
        new.unlink(missing_ok=True)
        raise SettingsError(f"no backup was made: {why}") from None
    except BaseException:
        new.unlink(missing_ok=True)
        raise
    say(f"{path} has the store and the authority; keep it as safe as the keys in it")


def restore(settings: Config, path: Path, say: Say) -> None:
    """Fill an empty store and an absent authority from a backup. Raises SettingsError."""
    if version_of(settings.store):
        raise SettingsError(
            "the store is not empty; restore into a new one, or move the old one away"
        )
    authority = settings.http.enrolment.folder
    if (authority / "ca.key").exists():
        raise SettingsError(f"{authority} has an authority already; move it away")
    try:
        with (
            tarfile.open(path, "r:gz") as archive,
            tempfile.TemporaryDirectory(
                dir=settings.http.enrolment.folder.parent, prefix=".restore-"
            ) as folder,
        ):
            _unpack(archive, Path(folder))
            manifest = _manifest(Path(folder), path)
            store = Path(folder) / manifest.store
            if bool(settings.store.url) != (manifest.store == _DUMP):
                kind = "PostgreSQL" if manifest.store == _DUMP else "SQLite"
                raise SettingsError(f"{path} is of {kind}; name such a store in [store]")
            (_load_dump if settings.store.url else _place)(settings.store, store, say)
            found = Path(folder) / _AUTHORITY
            if found.is_dir():
                authority.mkdir(parents=True, exist_ok=True, mode=0o700)
                for file in sorted(found.iterdir()):
                    shutil.move(file, authority / file.name)
    except (tarfile.TarError, EOFError) as why:
        raise SettingsError(f"{path} is not a backup: {why}") from None
    except OSError as why:
        raise SettingsError(f"{path} cannot be restored: {why}") from None
    say(f"the store of {manifest.made} is back; next: smartmeter-cloud check, then serve")


def _copy(store: StoreSettings, to: Path, say: Say) -> None:
    def progress(status: int, remaining: int, total: int) -> None:
        if total > _PAGES:
            say(f"copied {100 * (total - remaining) // max(1, total)} %")

    with closing(sqlite3.connect(store.path)) as source, closing(sqlite3.connect(to)) as target:
        source.backup(target, pages=_PAGES, progress=progress)


def _place(store: StoreSettings, source: Path, say: Say) -> None:
    with closing(sqlite3.connect(source)) as db:
        (state,) = db.execute("PRAGMA quick_check(1)").fetchone()
        if state != "ok":
            raise SettingsError(f"the store in the backup is damaged: {state}")
    os.chmod(source, 0o600)
    shutil.move(source, store.path)


def _dump(store: StoreSettings, to: Path, say: Say) -> None:
    say("pg_dump copies the database ...")
    _run(store, ["pg_dump", "--format=custom", "--no-owner", f"--file={to}", str(store.url)])


def _load_dump(store: StoreSettings, source: Path, say: Say) -> None:
    say("pg_restore fills the database ...")
    _run(
        store,
        ["pg_restore", "--no-owner", "--exit-on-error", "--single-transaction",
         f"--dbname={store.url}", str(source)],
    )  # fmt: skip


def _run(store: StoreSettings, argv: list[str]) -> None:
    environment = dict(os.environ)
    if store.password:
        environment["PGPASSWORD"] = store.password
    try:
        done = subprocess.run(argv, env=environment, capture_output=True, text=True)
    except FileNotFoundError:
        raise SettingsError(
            f"{argv[0]} is not on this machine; type: apt-get install postgresql-client"
        ) from None
    if done.returncode:
        lines = done.stderr.strip().splitlines() or ["it gave no reason"]
        raise SettingsError(f"{argv[0]} failed: {lines[-1]}")


def _add_bytes(archive: tarfile.TarFile, name: str, data: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode, entry.mtime = len(data), 0o600, int(time.time())
    archive.addfile(entry, io.BytesIO(data))


def _unpack(archive: tarfile.TarFile, folder: Path) -> None:
    """Only the names that backup() writes, and only files."""
    (folder / _AUTHORITY).mkdir(mode=0o700)
    for entry in archive:
        place, _, name = entry.name.rpartition("/")
        known = entry.name in (_MANIFEST, _SQLITE, _DUMP) or (place == _AUTHORITY and name)
        content = archive.extractfile(entry) if entry.isreg() and known else None
        if content is None or "/" in place:
            raise tarfile.TarError(f"{entry.name!r} does not belong there")
        mode = 0o600 if entry.mode & 0o077 == 0 else 0o644
        target = folder / place / name
        with open(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as out:
            shutil.copyfileobj(content, out)


def _manifest(folder: Path, path: Path) -> _Manifest:
    try:
        data = (folder / _MANIFEST).read_bytes()[:_MANIFEST_MAX]
        found = msgspec.json.decode(data, type=_Manifest)
    except (OSError, msgspec.MsgspecError):
        raise SettingsError(f"{path} is not a backup: it has no {_MANIFEST}") from None
    if found.store not in (_SQLITE, _DUMP) or not (folder / found.store).exists():
        raise SettingsError(f"{path} is not a backup: it has no store")
    if found.schema > VERSION:
        raise SettingsError(
            f"{path} is of {found.program}, whose schema {found.schema} is newer than this "
            f"program's {VERSION}; update smartmeter-cloud first"
        )
    return found
