"""backup and restore: the store and the authority come back as they were."""

import stat
import tarfile
from pathlib import Path

import pytest
from smartmeter_cloud.config.settings_file import load
from smartmeter_cloud.pki.authority import Authority
from smartmeter_cloud.store.factory import open_store
from smartmeter_cloud.store.sql import SqlStore

from tests.cloud.cli.test_administration import typed
from tests.cloud.store.test_rollups import at
from tests.cloud.stores import add
from tools.environment.postgresql import Postgres
from tools.environment.prepare import program


def exported(capsys: pytest.CaptureFixture[str], config: Path) -> str:
    status, out, err = typed(capsys, "export", "--form", "jsonl", "--config", config)
    assert status == 0, err
    return out


def fill(store: SqlStore) -> None:
    add(store, "m1", *(at(5.0 * i, 1000.0 + i) for i in range(50)))


@pytest.fixture(params=["sqlite", "postgresql"])
def clouds(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[Path, Path]:
    """(settings of a Cloud with readings and an authority, settings of an empty one)."""
    configs = []
    for name in ("old", "new"):
        folder = tmp_path / name
        folder.mkdir()
        store = ""
        if request.param == "postgresql":
            server: Postgres = request.getfixturevalue("postgres")
            store = f'[store]\nurl = "{server.create(f"{name}_{tmp_path.name}")}"\n'
            tool = Path(program("postgresql", "pg_dump"))
            monkeypatch.setenv("PATH", f"{tool.parent}:/usr/bin:/bin")
        config = folder / "cloud.toml"
        config.write_text(f"[broker]\ntls = false\nport = 1\n{store}")
        configs.append(config)
    settings = load(configs[0])
    filled = open_store(settings.store)
    assert isinstance(filled, SqlStore)
    fill(filled)
    filled.close()
    Authority(settings.http.enrolment.folder, 90).issue_files("page", ("localhost",), 30)
    return configs[0], configs[1]


def test_what_was_stored_is_back(
    clouds: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old, new = clouds
    kept = tmp_path / "cloud.backup"
    status, out, err = typed(capsys, "backup", kept, "--config", old)
    assert (status, "keep it as safe" in out) == (0, True), err
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert typed(capsys, "backup", kept, "--config", old)[0] == 1  # it replaces none
    status, out, err = typed(capsys, "restore", kept, "--config", new)
    assert (status, "is back" in out) == (0, True), err
    assert exported(capsys, new) == exported(capsys, old)
    before, after = (load(c).http.enrolment.folder for c in clouds)
    for file in before.iterdir():
        if file.is_file():
            assert (after / file.name).read_bytes() == file.read_bytes()
    assert stat.S_IMODE((after / "ca.key").stat().st_mode) == 0o600
    status, _, err = typed(capsys, "restore", kept, "--config", new)
    assert (status, "the store is not empty" in err) == (1, True)


def test_what_is_no_backup_changes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "cloud.toml"
    config.write_text("[broker]\ntls = false\nport = 1\n")
    text = tmp_path / "text"
    text.write_text("no archive")
    outside = tmp_path / "outside"
    with tarfile.open(outside, "w:gz") as archive:
        archive.add(text, "../../evil")
    empty = tmp_path / "empty"
    tarfile.open(empty, "w:gz").close()
    before = sorted(tmp_path.iterdir())
    for file, said in (
        (text, "is not a backup"),
        (outside, "'../../evil' does not belong there"),
        (empty, "has no manifest.json"),
        (tmp_path / "nothing", "cannot be restored"),
    ):
        status, _, err = typed(capsys, "restore", file, "--config", config)
        assert (status, said in err) == (1, True), err
        assert err.count("\n") == 1
    assert sorted(tmp_path.iterdir()) == before
    status, _, err = typed(capsys, "backup", tmp_path / "x", "--config", config)
    assert (status, "the store is empty" in err) == (1, True)
