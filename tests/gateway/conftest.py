"""A Concentrator between two real brokers."""

import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.gateway.harness import Adapter, FakeCloud, Process
from tools.environment.mosquitto import Mosquitto, free_port


@dataclass
class Between:
    """The Concentrator "home" (its process is not started), its brokers, its config file."""

    folder: Path
    lan: Mosquitto
    cloud: Mosquitto
    process: Process
    http: int = field(default_factory=free_port)

    def ask(self, path: str) -> str:
        """What the local page's server answers."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.http}{path}", timeout=60) as answer:
            text: str = answer.read().decode()
            return text

    @property
    def spool(self) -> Path:
        return self.folder / "spool.db"

    def configure(self, more: str = "", cloud: str | None = None, resend_after: int = 10) -> None:
        """Write the settings. resend_after: of [cloud], short where a test waits for it."""
        if cloud is None:
            cloud = f'[cloud]\nhost = "localhost"\nport = {self.cloud.port}\n'
            cloud += f"resend_after = {resend_after}"
        self.process.config.write_text(
            f'concentrator = "home"\n[lan]\nhost = "localhost"\nport = {self.lan.port}\n'
            f"{cloud}\n[http]\nport = {self.http}\n{more}\n"
        )


@pytest.fixture
def between(tmp_path: Path, mosquitto: Callable[..., Mosquitto]) -> Iterator[Between]:
    made = Between(tmp_path, mosquitto(), mosquitto(), Process(tmp_path / "gateway.toml"))
    made.configure()
    yield made
    made.process.kill()


@pytest.fixture
def adapter(between: Between) -> Iterator[Adapter]:
    with Adapter(between.lan.port) as client:
        yield client  # type: ignore[misc]


@pytest.fixture
def cloud(between: Between) -> Iterator[FakeCloud]:
    with FakeCloud(between.cloud.port) as client:
        yield client  # type: ignore[misc]
