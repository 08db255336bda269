"""A Cloud of real processes around a real broker."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from smartmeter_cloud.store.sqlite import SqliteStore

from tests.cloud.api_process import Site
from tests.cloud.harness import Concentrator, Process
from tests.cloud.web.pages import Page
from tools.environment.debian import Unavailable
from tools.environment.mosquitto import Mosquitto
from tools.environment.postgresql import Postgres

# It mounts a disk, which not everybody may: make faults.
collect_ignore = [] if "FAULT_SECONDS" in os.environ else ["test_disk.py"]


class Cloud:
    """broker; config and store of the processes that start() makes; concentrator() joins one."""

    def __init__(self, folder: Path, broker: Mosquitto) -> None:
        self.folder = folder
        self.broker = broker
        self.config = folder / "cloud.toml"
        self.path = folder / "smartmeter.sqlite"
        self._started: list[Any] = []
        self._store: SqliteStore | None = None
        self.configure()

    def configure(self, broker: str = "tls = false", http: str = "") -> None:
        self.config.write_text(
            f'[broker]\nhost = "localhost"\nport = {self.broker.port}\n{broker}\n'
            f'[http]\nport = 0\naccess = "open"\n{http}\n'
        )

    def start(self, command: str, program: list[str] | None = None) -> Process:
        process = Process(command, self.config, program=program)
        self._started.append(process)
        return process

    def concentrator(self, name: str = "house-1", **login: Any) -> Concentrator:
        joined = Concentrator(name, self.broker.port, **login)
        self._started.append(joined)
        return joined

    @property
    def store(self) -> SqliteStore:
        """The same file, read by the test."""
        self._store = self._store or SqliteStore(self.path)
        return self._store

    def rows(self, sql: str = "SELECT count(*) FROM reading") -> list[tuple[Any, ...]]:
        with self.store._reading() as db:
            return db.all(sql)

    def end(self) -> None:
        for one in self._started:
            one.kill() if isinstance(one, Process) else one.stop()
        if self._store:
            self._store.close()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A real PostgreSQL, for the whole run; create() gives an empty database."""
    try:
        server = Postgres()
    except Unavailable as why:
        pytest.skip(str(why))
    server.start()
    yield server
    server.remove()


@pytest.fixture
def cloud(tmp_path: Path, mosquitto: Callable[..., Mosquitto]) -> Iterator[Cloud]:
    made = Cloud(tmp_path, mosquitto())
    yield made
    made.end()


@pytest.fixture(scope="session")
def _open(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    made = Site(tmp_path_factory.mktemp("open"))
    yield made
    made.end()


@pytest.fixture(scope="session")
def _guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    made = Site(tmp_path_factory.mktemp("guarded"), guarded=True)
    yield made
    made.end()


@pytest.fixture
def site(_open: Site) -> Site:
    """An api process that lets everybody in, with an empty store."""
    _open.empty()
    return _open


@pytest.fixture
def opened(browser: Any, site: Site) -> Iterator[Page]:
    """The page of that site, in English and UTC."""
    page = Page(browser, site.api.address)
    yield page
    page.context.close()


@pytest.fixture
def guarded(_guarded: Site) -> Site:
    """Two households with a meter each, and an api process that asks for keys."""
    _guarded.empty()
    _guarded.two_households()
    return _guarded


@pytest.fixture
def own_site(tmp_path: Path) -> Iterator[Site]:
    """An api process for a test that ends it."""
    made = Site(tmp_path)
    yield made
    made.end()
