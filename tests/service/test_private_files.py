"""Stores and spools are for their owner, however the program was started."""

import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from smartmeter_cloud.store.sqlite import SqliteStore
from smartmeter_gateway.spool.database import Spool

from tests.cloud.harness import Process as CloudProcess
from tests.gateway.harness import Process as GatewayProcess


def readable_by_others(folder: Path) -> list[str]:
    """The certificates and lists that brokers and browsers read are public."""
    public = {".crt", ".pem", ".log", ".toml"}  # the log and settings are the test's own
    return [
        str(p.relative_to(folder))
        for p in folder.rglob("*")
        if p.is_file() and p.suffix not in public and stat.S_IMODE(p.stat().st_mode) & 0o077
    ]


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[CloudProcess]:
    config = tmp_path / "cloud.toml"
    (tmp_path / "password").touch(0o600)
    (tmp_path / "password").write_text("of-the-tests\n")
    config.write_text(
        '[broker]\nembedded = true\nport = 0\npassword_file = "password"\n[http]\nport = 0\n'
    )
    made = CloudProcess("serve", config)
    yield made
    made.kill()


def test_nobody_else_can_read_what_the_cloud_keeps(cloud: CloudProcess, tmp_path: Path) -> None:
    cloud.says("connected to the broker")
    assert (tmp_path / "smartmeter.sqlite-wal").exists()
    assert readable_by_others(tmp_path) == []


def test_nobody_else_can_read_what_the_concentrator_keeps(tmp_path: Path) -> None:
    config = tmp_path / "gateway.toml"
    (tmp_path / "users").touch(0o600)
    (tmp_path / "users").write_text("adapter:of-the-tests\n")
    config.write_text(
        'concentrator = "home"\n[lan]\nembedded = true\nport = 0\nusers_file = "users"\n'
    )
    process = GatewayProcess(config)
    try:
        process.start().says("Concentrator home runs")
        assert (tmp_path / "spool.db").exists()
        assert readable_by_others(tmp_path) == []
    finally:
        process.kill()


@pytest.mark.parametrize(
    "opens",
    [
        lambda path: SqliteStore(path).close(),
        lambda path: Spool(path, 1 << 20, 3600).close(),
    ],
)
def test_a_database_of_an_earlier_version_is_hidden(
    tmp_path: Path, opens: Callable[[Path], None]
) -> None:
    path = tmp_path / "made before"
    opens(path)
    path.chmod(0o664)
    opens(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o660  # the group may be a backup's
