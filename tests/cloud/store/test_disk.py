"""A disk that is really full: nothing gets a receipt, a log line reports it, and it recovers.

In `make faults`, because its user may usually mount a file system.
"""

import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from tests.cloud.conftest import Cloud
from tests.cloud.harness import Concentrator, Process, eventually, reading
from tools.environment.debian import Unavailable
from tools.environment.mosquitto import Mosquitto
from tools.environment.postgresql import Postgres

Disk = Callable[[int], Path]


@pytest.fixture
def disk() -> Iterator[Disk]:
    """A file system of so many megabytes, for all users: root's PostgreSQL runs as nobody."""
    mounted: list[Path] = []

    def make(megabytes: int) -> Path:
        folder = Path(tempfile.mkdtemp(prefix="disk-"))
        options = f"size={megabytes}m,mode=777"
        told = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", options, "none", folder], capture_output=True, text=True
        )
        if told.returncode:
            folder.rmdir()
            pytest.skip(f"no file system can be mounted here: {told.stderr.strip()}")
        mounted.append(folder)
        return folder

    yield make
    for folder in mounted:
        subprocess.run(["umount", "-l", folder], check=True)
        folder.rmdir()


def fill(folder: Path) -> Path:
    """A file that takes all the room there is left."""
    path = folder / "filled"
    with open(path, "wb", buffering=0) as f:
        try:
            while f.write(b"x" * 4096):
                pass
        except OSError:
            return path
    raise AssertionError


def send(house: Concentrator, first: int) -> None:
    for part in range(40):
        rows = [reading(first + part * 100 + i) for i in range(100)]
        house.send("m1", rows, "readings")


def test_sqlite(cloud: Cloud, disk: Disk) -> None:
    folder = disk(4)
    cloud.path = folder / "smartmeter.sqlite"
    cloud.config.write_text(cloud.config.read_text() + f'[store]\npath = "{cloud.path}"\n')
    ingest = cloud.start("ingest")
    ingest.says("connected")
    house = cloud.concentrator()
    house.send("m1", reading(0))
    house.all_receipted()
    filled = fill(folder)
    send(house, 1)
    ingest.says("nothing can be stored: the database says: database or disk is full")
    assert house.waiting
    filled.unlink()
    ingest.says("the store is back")
    house.all_receipted()
    assert cloud.rows("SELECT count(*), count(DISTINCT seq) FROM reading") == [(4001, 4001)]
    assert cloud.rows("PRAGMA integrity_check") == [("ok",)]


def test_postgresql(
    tmp_path: Path,
    disk: Disk,
    mosquitto: Callable[..., Mosquitto],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder = disk(160)
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    try:
        server = Postgres()
    except Unavailable as why:
        pytest.skip(str(why))
    server.start()
    url = server.create("full")
    config = tmp_path / "cloud.toml"
    config.write_text(
        f'[broker]\nhost = "localhost"\nport = {mosquitto().port}\ntls = false\n'
        f'[store]\nurl = "{url}"\n'
    )
    ingest = Process("ingest", config)
    try:
        ingest.says("connected")
        port = int(config.read_text().split("port = ")[1].split()[0])
        house = Concentrator("house-1", port)
        house.send("m1", reading(0))
        house.all_receipted()
        filled = fill(folder)
        sent = 0
        while "nothing can be stored" not in ingest.said:
            send(house, 1 + 4000 * sent)
            sent += 1
            before = len(house.waiting)
            eventually(
                lambda n=before: len(house.waiting) < n or "nothing can be stored" in ingest.said
            )
        assert house.waiting
        assert ingest.process is not None
        assert ingest.process.poll() is None
        filled.unlink()
        assert server.process is not None
        if server.process.poll() is not None:  # without room for its log it ends itself
            server.start()
        ingest.says("the store is back", 120)
        house.all_receipted(120)
        house.stop()
        with psycopg.connect(url) as db:
            found = db.execute("SELECT count(*), count(DISTINCT seq) FROM reading").fetchone()
        assert found == (1 + 4000 * sent, 1 + 4000 * sent)
    finally:
        ingest.kill()
        server.remove()
