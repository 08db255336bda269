"""smartmeter-cloud: the command line."""

import argparse
import contextlib
import logging
import os
import sys
from pathlib import Path

from smartmeter.wire.topics import is_id
from smartmeter_service.private_files import PRIVATE_UMASK
from smartmeter_service.toml_file import SettingsError

import smartmeter_cloud
from smartmeter_cloud import app
from smartmeter_cloud.app import Failed
from smartmeter_cloud.auth.scopes import METRICS, SCOPES
from smartmeter_cloud.cli import (
    administration,
    backfill,
    certificates,
    dead_letters,
    importing,
    ownership,
)
from smartmeter_cloud.config.settings import HELP, Config
from smartmeter_cloud.config.settings_file import load_or_home

_NAME_MAX = 200
_DAYS_MAX = 36_500


def main(arguments: list[str] | None = None) -> int:
    os.umask(PRIVATE_UMASK)
    parser = argparse.ArgumentParser(
        prog="smartmeter-cloud", description="Stores smart-meter readings and shows them."
    )
    parser.add_argument("--version", action="version", version=smartmeter_cloud.__version__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, about in (
        ("serve", "broker, ingest, API and page in one process; needs no settings"),
        ("ingest", "only store readings from Concentrators"),
        ("api", "only the API and the page"),
    ):
        command = commands.add_parser(name, help=about, description=about)
        command.add_argument(
            "--config", metavar="FILE", type=Path, required=name != "serve", help="a TOML file"
        )
    key = commands.add_parser("key", help="create an API key or a single-use key")
    key.add_argument("name", help="the name for the audit log")
    key.add_argument("--config", metavar="FILE", type=Path, help=HELP)
    key.add_argument("--scope", action="append", choices=SCOPES, help="default: read")
    key.add_argument("--household", metavar="ID", help="default: all")
    key.add_argument("--days", type=float, help="days until it expires; default: never")
    key.add_argument("--once", action="store_true", help="single use")
    certificates.add(commands)
    ownership.add(commands)
    dead_letters.add(commands)
    administration.add(commands)
    importing.add(commands)
    backfill.add(commands)
    chosen = parser.parse_args(arguments)
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr
    )
    try:
        if chosen.command == "serve":
            return app.serve(chosen.config)
        if chosen.command in administration.COMMANDS:
            return administration.run(chosen)
        settings = load_or_home(chosen.config)
        if chosen.command == "key":
            return _key(settings, chosen)
        if chosen.command in ownership.COMMANDS:
            return ownership.run(app.open_store(settings), chosen)
        if chosen.command == "import":
            with contextlib.closing(app.open_store(settings)) as store:
                return importing.run(store, chosen)
        if chosen.command == "backfill":
            with contextlib.closing(app.open_store(settings)) as store:
                return backfill.run(store, chosen)
        if chosen.command == "dead-letters":
            with contextlib.closing(app.open_store(settings)) as store:
                return dead_letters.run(store, chosen)
        if chosen.command in certificates.COMMANDS:
            return certificates.run(settings, app.open_store(settings), chosen)
        run = app.run_ingest if chosen.command == "ingest" else app.run_api
        return run(settings)
    except (SettingsError, Failed) as e:
        print(f"smartmeter-cloud: {e}", file=sys.stderr)
        return 1
    except BrokenPipeError:  # head has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (KeyboardInterrupt, EOFError):
        return 130


def _key(settings: Config, chosen: argparse.Namespace) -> int:
    from smartmeter_cloud.api.keys import new_key

    if chosen.household is not None and not is_id(chosen.household):
        raise Failed("--household is 1 to 64 of A-Z a-z 0-9 . _ -")
    if not chosen.name.strip() or len(chosen.name) > _NAME_MAX:
        raise Failed(f"give the key a name of 1 to {_NAME_MAX} characters: the audit log shows it")
    if chosen.days is not None and not 0 < chosen.days <= _DAYS_MAX:
        raise Failed(f"--days must be more than 0 and at most {_DAYS_MAX}")
    store = app.open_store(settings)
    scopes = " ".join(chosen.scope or ["read"])
    if chosen.household is not None and METRICS in scopes.split():
        raise Failed(f"--scope {METRICS} counts all households: leave out --household")
    key, text = new_key(chosen.name, scopes, chosen.household, chosen.days, chosen.once)
    store.add_key(key)
    what = f"gave a key to {chosen.name}: {scopes}"
    store.note(key.created, "command line", what, chosen.household)
    store.close()
    print(text)
    if chosen.once:
        print(f"or as a link: {settings.http.url}/#login={text}")
    return 0
