"""smartmeter-cloud: the command line."""

import argparse
import contextlib
import logging
import os
import signal
import sys
from pathlib import Path
from types import FrameType

from smartmeter.wire.topics import is_id

import smartmeter_cloud
from smartmeter_cloud.auth.scopes import ADMIN, SCOPES
from smartmeter_cloud.cli import administration, certificates
from smartmeter_cloud.cli.certificates import Failed
from smartmeter_cloud.config.settings import HELP, Config, load_or_home
from smartmeter_cloud.config.toml_reader import ConfigError
from smartmeter_cloud.store import factory
from smartmeter_cloud.store.interface import Store, StoreUnavailable


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="smartmeter-cloud", description="Stores what smart meters say, and shows it."
    )
    parser.add_argument("--version", action="version", version=smartmeter_cloud.__version__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, about in (
        ("serve", "broker, ingest, API and page in one process; needs no settings"),
        ("ingest", "only store what Concentrators send"),
        ("api", "only the API and the page"),
    ):
        command = commands.add_parser(name, help=about, description=about)
        command.add_argument(
            "--config", metavar="FILE", type=Path, required=name != "serve", help="a TOML file"
        )
    key = commands.add_parser("key", help="make an API key or a one-time link")
    key.add_argument("name", help="whose it is, for the audit log")
    key.add_argument("--config", metavar="FILE", type=Path, help=HELP)
    key.add_argument("--scope", action="append", choices=SCOPES, help="by default read")
    key.add_argument("--household", metavar="ID", help="by default all of them")
    key.add_argument("--days", type=float, help="how long it is valid; by default for ever")
    key.add_argument("--once", action="store_true", help="gone when it has been used to log in")
    certificates.add(commands)
    administration.add(commands)
    chosen = parser.parse_args(arguments)
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr
    )
    try:
        if chosen.command == "serve":
            from smartmeter_cloud.app import serve

            return serve(chosen.config)
        if chosen.command in administration.COMMANDS:
            return administration.run(chosen)
        settings = load_or_home(chosen.config)
        if chosen.command == "key":
            return _key(settings, chosen)
        if chosen.command in certificates.COMMANDS:
            return certificates.run(settings, open_store(settings), chosen)
        return _ingest(settings) if chosen.command == "ingest" else _api(settings)
    except (ConfigError, Failed) as e:
        print(f"smartmeter-cloud: {e}", file=sys.stderr)
        return 1
    except BrokenPipeError:  # head has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        return 130


def open_store(settings: Config) -> Store:
    try:
        return factory.open_store(settings.store)
    except StoreUnavailable as e:
        raise Failed(f"{settings.source}: the store cannot be used: {e}") from None


def _ingest(settings: Config) -> int:
    from smartmeter_cloud.history.upkeep import Upkeep
    from smartmeter_cloud.ingest.consumer import Ingest, TakenOver
    from smartmeter_cloud.monitoring.metrics_server import CannotListen, MetricsPage
    from smartmeter_cloud.monitoring.prometheus import of_ingest

    if settings.broker is None:
        raise Failed(
            f"{settings.source}: broker.embedded is for `smartmeter-cloud serve`; "
            "`ingest` needs the broker.host of another one"
        )
    store = open_store(settings)
    ingest = Ingest(settings.broker, store)
    upkeep = Upkeep(store, settings.store.retention)
    upkeep.start()

    def stop(number: int, frame: FrameType | None) -> None:
        ingest.stop()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    try:
        with contextlib.ExitStack() as stack:
            if settings.metrics_port is not None:
                page = MetricsPage(settings.metrics_port, lambda: of_ingest(ingest.state()))
                stack.enter_context(page)
                print(f"metrics are at http://127.0.0.1:{page.port}/metrics", flush=True)
            ingest.run()
    except CannotListen as e:
        raise Failed(f"{settings.source}: {e}") from None
    except TakenOver as e:
        raise Failed(str(e)) from None
    except OSError as e:  # ssl.SSLError is one
        raise Failed(
            f"{settings.source}: broker.ca, broker.certificate or broker.key cannot be used: {e}"
        ) from None
    finally:
        upkeep.stop()
        store.close()
    return 0


def _key(settings: Config, chosen: argparse.Namespace) -> int:
    from smartmeter_cloud.api.access import new_key

    if chosen.household is not None and not is_id(chosen.household):
        raise Failed("--household is 1 to 64 of A-Z a-z 0-9 . _ -")
    store = open_store(settings)
    scopes = " ".join(chosen.scope or ["read"])
    key, text = new_key(chosen.name, scopes, chosen.household, chosen.days, chosen.once)
    store.add_key(key)
    store.note(key.created, "command line", f"gave a key to {chosen.name}: {scopes}")
    store.close()
    print(text)
    return 0


def first_link(store: Store, settings: Config, address: str) -> None:
    """Where keys are asked for and there are none, says how the first person gets in."""
    from smartmeter_cloud.api.access import FIRST_HOURS, new_key

    if settings.http.is_open or settings.http.oidc or store.access_keys():
        return
    key, text = new_key("first administrator", ADMIN, None, FIRST_HOURS / 24, once=True)
    store.add_key(key)
    print(f"to log in for the first time, within a day, open {address}#login={text}", flush=True)


def _api(settings: Config) -> int:
    from smartmeter_cloud.api.server import CannotListen, Server

    store = open_store(settings)
    try:
        server = Server(store, settings.http)
    except CannotListen as e:
        raise Failed(f"{settings.source}: {e}") from None
    print(f"the page is at {server.address}", flush=True)
    first_link(store, settings, server.address)
    try:
        server.run()
    finally:
        store.close()
    return 0
