"""A file is replaced as a whole or not at all."""

import stat
from pathlib import Path

import pytest
from smartmeter_service.atomic_file import write_file


def test_content_and_permissions_are_the_new_ones(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text("old")
    path.chmod(0o666)
    write_file(path, b"new", 0o600)
    assert (path.read_bytes(), stat.S_IMODE(path.stat().st_mode)) == (b"new", 0o600)
    assert [p.name for p in tmp_path.iterdir()] == ["key"]


def test_what_cannot_be_written_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError, match="folder"):
        write_file(tmp_path / "folder", b"new", 0o600)
    assert [p.name for p in tmp_path.iterdir()] == ["folder"]
