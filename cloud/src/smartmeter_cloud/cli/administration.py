"""The commands for administrators: init, check, migrate, export, status, install-service."""

import argparse
import contextlib
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from smartmeter_service.toml_file import SettingsError

from smartmeter_cloud.cli.times import to_ms
from smartmeter_cloud.config.settings import HELP, Config
from smartmeter_cloud.config.settings_file import load_or_home
from smartmeter_cloud.history import bulk
from smartmeter_cloud.ingest.message import OBIS_CODE
from smartmeter_cloud.store import query
from smartmeter_cloud.store.factory import open_store, version_of
from smartmeter_cloud.store.interface import Store, StoreUnavailable
from smartmeter_cloud.store.schema import VERSION

COMMANDS = (
    "init", "check", "migrate", "export", "backup", "restore", "status", "install-service",
)  # fmt: skip


def add(commands: Any) -> None:
    def command(name: str, about: str) -> Any:
        made = commands.add_parser(name, help=about, description=about)
        needed = name in ("init", "install-service")
        about = "the TOML file" if needed else HELP
        made.add_argument("--config", metavar="FILE", type=Path, required=needed, help=about)
        return made

    make = command("init", "ask for the settings and write a commented configuration")
    make.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", dest="settings")
    make.add_argument("--secrets", metavar="FILE", help="NAME=VALUE lines; - is standard input")
    make.add_argument("--force", action="store_true", help="replace existing files")
    make.add_argument("--advanced", action="store_true", help="ask for everything")
    command("check", "try every connection, certificate and database in the settings")
    command("migrate", "update the database schema")
    out = command("export", "write stored readings to a file or to standard output")
    out.add_argument("--form", choices=bulk.FORMS, default="csv")
    out.add_argument("--output", metavar="FILE", default="-", help="- is standard output")
    out.add_argument("--meter", action="append", default=[], metavar="ID", help="default: all")
    out.add_argument("--from", dest="start", metavar="TIME", help="RFC 3339, as 2026-11-01")
    out.add_argument("--to", dest="end", metavar="TIME", help="not included")
    out.add_argument("--code", action="append", default=[], help="such as 1.8.0; default: all")
    save = command("backup", "write the store and the authority to a new file; `serve` may run")
    save.add_argument("file", metavar="FILE", type=Path)
    back = command("restore", "fill an empty store from a backup")
    back.add_argument("file", metavar="FILE", type=Path)
    unit = command("install-service", "run `serve` with systemd, now and at every boot")
    unit.add_argument("--print", action="store_true", help="print the unit and install nothing")
    ask = command("status", "show the health of ingest, meters and database")
    ask.add_argument("--json", action="store_true", help="everything, as JSON")
    ask.add_argument(
        "--running", action="store_true", help="only whether the API answers and has its store"
    )


def run(chosen: argparse.Namespace) -> int:
    """Run the command; return the exit status. SettingsError."""
    if chosen.command == "init":
        from smartmeter_cloud.cli import init

        init.init(chosen.config, chosen.settings, chosen.secrets, chosen.force, chosen.advanced)
        print(f"wrote {chosen.config}; next: smartmeter-cloud check --config {chosen.config}")
        return 0
    settings = load_or_home(chosen.config)
    if chosen.command == "install-service":
        return _install(chosen)
    if chosen.command == "check":
        return _check(settings)
    if chosen.command == "status" and chosen.running:
        return _running(settings)
    try:
        if chosen.command == "migrate":
            return _migrate(settings)
        if chosen.command in ("backup", "restore"):
            return _backup(settings, chosen)
        with contextlib.closing(open_store(settings.store)) as store:
            if chosen.command == "status":
                return _status(settings, store, chosen.json)
            return _export(settings, store, chosen)
    except StoreUnavailable as e:
        raise SettingsError(f"{settings.source}: the store cannot be used: {e}") from None


def _install(chosen: argparse.Namespace) -> int:
    from smartmeter_cloud.cli.systemd import SERVICE

    if chosen.print:
        print(SERVICE.unit(chosen.config), end="")
        return 0
    for line in SERVICE.install(chosen.config):
        print(line)
    return 0


def _check(settings: Config) -> int:
    from smartmeter_cloud.cli import check

    wrong = 0
    for fine, line in check.check(settings):
        print(f"{'ok    ' if fine else 'WRONG '} {line}", flush=True)
        wrong += not fine
    if wrong:
        print(f"{wrong} of these lines are WRONG; mend them, and type the same command again")
        return 1
    print("all is right; next: smartmeter-cloud serve, then smartmeter-cloud invite NAME")
    return 0


def _backup(settings: Config, chosen: argparse.Namespace) -> int:
    from smartmeter_cloud.cli import backup

    act = backup.backup if chosen.command == "backup" else backup.restore
    act(settings, chosen.file, lambda line: print(line, flush=True))
    return 0


def _migrate(settings: Config) -> int:
    found = version_of(settings.store)
    open_store(settings.store).close()
    if found == VERSION:
        print(f"the store already has schema {VERSION}")
    elif found == 0:
        print(f"the store was empty; its tables were created, schema {VERSION}")
    else:
        print(f"the store was updated from schema {found} to {VERSION}")
    return 0


def _status(settings: Config, store: Store, as_json: bool) -> int:
    from smartmeter_cloud.cli import status

    document = status.document(settings, store)
    print(json.dumps(document, indent=1) if as_json else status.text(document))
    return 1 if status.alarms(document) else 0


def _running(settings: Config) -> int:
    """Asks the API alone, so that a container engine may ask often."""
    from smartmeter_cloud.cli import status

    if not status.answers(settings.http):
        raise SettingsError("the API does not answer on this machine; is `serve` running?")
    print("the API answers")
    return 0


def _export(settings: Config, store: Store, chosen: argparse.Namespace) -> int:
    if chosen.form == "parquet" and not bulk.has_parquet():
        raise SettingsError("Parquet needs a library: pip install pyarrow")
    known = {m.name for m in store.meters()}
    for name in chosen.meter:
        if name not in known:
            raise SettingsError(f"--meter: {name} is not stored; {len(known)} other meters are")
    for code in chosen.code:
        if not OBIS_CODE.match(code):
            raise SettingsError(f"--code: {code!r} is not an OBIS code such as 1.8.0")
    asked = query.Query(
        tuple(chosen.meter or sorted(known)),
        to_ms("--from", chosen.start, store.zone, 0),
        to_ms("--to", chosen.end, store.zone, query.FAR_MS),
        tuple(chosen.code),
    )
    with _opened(chosen.output) as out:
        for piece in bulk.stream(chosen.form, store, asked):
            out.write(piece)
    return 0


@contextlib.contextmanager
def _opened(name: str) -> Iterator[BinaryIO]:
    """Standard output, or a file that is written as a whole or not at all."""
    if name == "-":
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    path, part = Path(name), Path(name + ".part")
    try:
        try:
            with part.open("wb") as out:
                yield out
                os.fsync(out.fileno())
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
    except OSError as e:
        raise SettingsError(f"{name} cannot be written: {e.strerror}") from None
