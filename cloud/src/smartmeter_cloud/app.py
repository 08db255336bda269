"""Puts the rooms together into a process: all of the Cloud, only ingest, or only the API.

Each function imports what its process runs, so that `ingest` does not load a web server.
"""

import contextlib
import os
import secrets
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from urllib.parse import urlsplit

from smartmeter_service.forced_exit import exit_by_force_after
from smartmeter_service.systemd import READY, STOPPING, notify
from smartmeter_service.threads import VitalThread
from smartmeter_service.unexpected_errors import UnexpectedErrors

from smartmeter_cloud.auth.scopes import ADMIN, METRICS
from smartmeter_cloud.config.settings import (
    Config,
    HttpSettings,
    IngestSettings,
    home,
    home_folder,
)
from smartmeter_cloud.config.settings_file import load
from smartmeter_cloud.store import factory
from smartmeter_cloud.store.interface import Store, StoreUnavailable

STOP_SECONDS = 3.0
END_SECONDS = 9.0  # whatever hangs; a container engine or systemd would kill the process after 10


class Failed(Exception):
    """Why a command cannot go on; one sentence."""


def open_store(settings: Config) -> Store:
    """The store that the settings name. Raises Failed."""
    try:
        return factory.open_store(settings.store)
    except StoreUnavailable as e:
        raise Failed(f"{settings.source}: the store cannot be used: {e}") from None


def serve(path: Path | None) -> int:
    """Run broker, ingest, API and page in one process. Raises SettingsError and Failed."""
    from smartmeter_cloud.api.server import CannotListen, Server
    from smartmeter_cloud.history.upkeep import Upkeep
    from smartmeter_cloud.ingest.consumer import CannotGoOn, Ingest

    settings = load(path) if path else _home_settings()
    store = open_store(settings)
    faults = UnexpectedErrors()
    with contextlib.ExitStack() as stack:
        stack.callback(store.close)
        broker = settings.broker or stack.enter_context(_embedded_broker(settings))
        try:
            server = Server(store, settings.http, faults)
        except CannotListen as e:
            raise Failed(f"{settings.source}: {e}") from None
        ingest = Ingest(broker, store, faults)
        failure: list[Exception] = []

        def work() -> None:
            try:
                ingest.run()
            except CannotGoOn as e:
                failure.append(e)
                server.stop()

        thread = VitalThread("ingest", work)
        upkeep = Upkeep(store, settings.store.retention, faults)
        upkeep.start()
        thread.start()
        print(f"the page is at {server.address}", flush=True)
        _print_first_link(store, settings, server.address)
        notify(READY)
        try:
            server.run()
        finally:
            notify(STOPPING)
            ingest.stop()
            thread.join(STOP_SECONDS)
            upkeep.stop()
        if failure:
            raise Failed(f"{settings.source}: ingest ended: {failure[0]}")
    return 0


def run_ingest(settings: Config) -> int:
    """Store what Concentrators send, until a signal ends it. Raises Failed."""
    from smartmeter_cloud.history.upkeep import Upkeep
    from smartmeter_cloud.ingest.consumer import CannotGoOn, Ingest
    from smartmeter_cloud.monitoring.metrics_server import CannotListen, MetricsServer
    from smartmeter_cloud.monitoring.prometheus import of_ingest

    if settings.broker is None:
        raise Failed(
            f"{settings.source}: broker.embedded is for `smartmeter-cloud serve`; "
            "`ingest` needs the broker.host of another one"
        )
    store = open_store(settings)
    faults = UnexpectedErrors()
    ingest = Ingest(settings.broker, store, faults)
    upkeep = Upkeep(store, settings.store.retention, faults)
    upkeep.start()

    def stop(number: int, frame: FrameType | None) -> None:
        exit_by_force_after(END_SECONDS)
        ingest.stop()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    try:
        with contextlib.ExitStack() as stack:
            if settings.metrics_port is not None:
                metrics = MetricsServer(
                    settings.metrics_port, lambda: of_ingest(ingest.state()), faults
                )
                stack.enter_context(metrics)
                print(f"metrics are at http://127.0.0.1:{metrics.port}/metrics", flush=True)
            ingest.run()
    except CannotListen as e:
        raise Failed(f"{settings.source}: {e}") from None
    except CannotGoOn as e:
        raise Failed(f"{settings.source}: {e}") from None
    finally:
        upkeep.stop()
        store.close()
    return 0


def run_api(settings: Config) -> int:
    """Serve the API and the page, until a signal ends it. Raises Failed."""
    from smartmeter_cloud.api.server import CannotListen, Server

    store = open_store(settings)
    try:
        server = Server(store, settings.http, UnexpectedErrors())
    except CannotListen as e:
        raise Failed(f"{settings.source}: {e}") from None
    print(f"the page is at {server.address}", flush=True)
    _print_first_link(store, settings, server.address)
    try:
        server.run()
    finally:
        store.close()
    return 0


def _print_first_link(store: Store, settings: Config, address: str) -> None:
    """Say how the first person logs in, as long as nobody has a key or session.

    A key for metrics belongs to Prometheus, which may be there first. Each start makes a new link,
    as the one before may have expired or gone astray.
    """
    from smartmeter_cloud.api.keys import FIRST_HOURS, FIRST_NAME, new_key, now_ms

    if settings.http.is_open or settings.http.oidc:
        return
    now = now_ms()
    valid = [k for k in store.access_keys() if k.expires is None or k.expires > now]
    if any(k.scopes != METRICS and not (k.once and k.name == FIRST_NAME) for k in valid):
        return
    key, text = new_key(FIRST_NAME, ADMIN, None, FIRST_HOURS / 24, once=True)
    store.add_key(key)
    link = f"{_reachable(settings.http, address)}#login={text}"
    print(f"to log in for the first time, within a day, open {link}", flush=True)


def _reachable(http: HttpSettings, address: str) -> str:
    """The page's address in a form that a browser can open."""
    parts = urlsplit(address)
    if http.names:
        # A proxy in front has the usual port.
        port = f":{parts.port}" if http.certificate and parts.port != 443 else ""
        return f"https://{http.names[0]}{port}/"
    if parts.hostname in ("0.0.0.0", "::"):  # noqa: S104 (not listened on here)
        return f"{parts.scheme}://localhost:{parts.port}/"
    return address


@contextlib.contextmanager
def _embedded_broker(settings: Config) -> Iterator[IngestSettings]:
    """Run the embedded broker; yields how ingest reaches it. Raises Failed."""
    from smartmeter_broker import BrokerUnavailable, EmbeddedBroker

    assert settings.own_broker is not None
    own = settings.own_broker
    broker = EmbeddedBroker(
        own.host,
        own.port,
        users=own.users,
        certificate=own.certificate,
        key=own.key,
        client_ca=own.client_ca,
    )
    try:
        broker.start()
    except BrokerUnavailable as e:
        raise Failed(f"{settings.source}: {e}") from None
    print(f"the broker is at {broker.host}:{broker.port}", flush=True)
    try:
        yield IngestSettings(
            "127.0.0.1",
            broker.local_port,
            tls=False,
            user=broker.local_user,
            password=broker.local_password,
            mqtt5=False,
        )
    finally:
        broker.close()


def _home_settings() -> Config:
    """Without a file: data in the user's folder, the loopback only, a generated password."""
    folder = home_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        password = _password(folder / "concentrator.password")
    except OSError as e:
        raise Failed(f"{e.filename or folder} cannot be used: {e.strerror}") from None
    return home(password)


def _password(path: Path) -> str:
    """The Concentrator's password. The first start generates it; nothing prints it."""
    if not path.exists():
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as f:
            f.write(secrets.token_urlsafe(24) + "\n")
        print(
            f'a Concentrator logs in as user "concentrator" with the password in {path}',
            file=sys.stderr,
        )
    return path.read_text().strip()
