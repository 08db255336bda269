"""Everything in one process: the broker, ingest, the API and the page."""

import dataclasses
import os
import secrets
import sys
import threading
from contextlib import ExitStack
from pathlib import Path

from smartmeter_broker import BrokerUnavailable, EmbeddedBroker

from smartmeter_cloud.api.server import CannotListen, Server
from smartmeter_cloud.cli.certificates import Failed
from smartmeter_cloud.cli.main import first_link, open_store
from smartmeter_cloud.config.settings import (
    CLIENT_ID,
    BrokerSettings,
    Config,
    home,
    home_folder,
    load,
)
from smartmeter_cloud.history.upkeep import Upkeep
from smartmeter_cloud.ingest.consumer import Ingest

STOP_SECONDS = 3.0


def serve(path: Path | None) -> int:
    settings = load(path) if path else _own_settings()
    store = open_store(settings)
    with ExitStack() as stack:
        stack.callback(store.close)
        broker = settings.broker or stack.enter_context(_Own(settings)).client
        try:
            server = Server(store, settings.http)
        except CannotListen as e:
            raise Failed(f"{settings.source}: {e}") from None
        ingest = Ingest(broker, store)
        failure: list[Exception] = []

        def work() -> None:
            try:
                ingest.run()
            except Exception as e:
                failure.append(e)
                server.stop()

        thread = threading.Thread(target=work, name="ingest")
        upkeep = Upkeep(store, settings.store.retention)
        upkeep.start()
        thread.start()
        print(f"the page is at {server.address}", flush=True)
        first_link(store, settings, server.address)
        try:
            server.run()
        finally:
            ingest.stop()
            thread.join(STOP_SECONDS)
            upkeep.stop()
        if failure:
            raise Failed(f"{settings.source}: ingest ended: {failure[0]}")
    return 0


class _Own:
    """The embedded broker, and how ingest reaches it."""

    def __init__(self, settings: Config) -> None:
        assert settings.own_broker is not None
        own = settings.own_broker
        name, password = CLIENT_ID, secrets.token_urlsafe(24)
        self._source = settings.source
        self._broker = EmbeddedBroker(
            own.host,
            own.port,
            users=own.users | {name: password},
            certificate=own.certificate,
            key=own.key,
            client_ca=own.client_ca,
        )
        self.client = BrokerSettings(
            "127.0.0.1", 0, CLIENT_ID, tls=False, user=name, password=password.encode(), old=True
        )

    def __enter__(self) -> "_Own":
        try:
            self._broker.start()
        except BrokerUnavailable as e:
            raise Failed(f"{self._source}: {e}") from None
        self.client = dataclasses.replace(self.client, port=self._broker.local_port)
        print(f"the broker is at {self._broker.host}:{self._broker.port}", flush=True)
        return self

    def __exit__(self, *error: object) -> None:
        self._broker.close()


def _own_settings() -> Config:
    """Without a file: data in the user's own folder, all on the loopback, a password of its own."""
    folder = home_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        password = _password(folder / "concentrator.password")
    except OSError as e:
        raise Failed(f"{e.filename or folder} cannot be used: {e.strerror}") from None
    return home(password)


def _password(path: Path) -> str:
    """The Concentrator's password; made at the first start, and never printed."""
    if not path.exists():
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as f:
            f.write(secrets.token_urlsafe(24) + "\n")
        print(
            f'a Concentrator logs in as user "concentrator" with the password in {path}',
            file=sys.stderr,
        )
    return path.read_text().strip()
