"""make release: the changelog of a version, and what it refuses before anything is built."""

import datetime
import subprocess
import sys
from pathlib import Path

import pytest

from tools.release import Refused, released, with_version

DAY = datetime.date(2026, 12, 1)
CHANGELOG = "# Changelog\n\n## [Unreleased]\n\n### Added\n\n- It reads meters.\n"


def test_unreleased_becomes_the_version() -> None:
    first = released(CHANGELOG, "0.2.0", DAY)
    assert first.endswith(
        "## [Unreleased]\n\n## [0.2.0] - 2026-12-01\n\n### Added\n\n- It reads meters.\n"
    )
    more = first.replace("## [Unreleased]\n", "## [Unreleased]\n\n### Fixed\n\n- All.\n")
    second = released(more, "0.3.0", DAY)
    assert second.index("[Unreleased]") < second.index("[0.3.0]") < second.index("[0.2.0]")
    assert second.count("- All.") == second.count("- It reads meters.") == 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("# Changelog\n\n## [Unreleased]\n", "nothing under"),
        (CHANGELOG + "\n## [0.2.0] - 2026-01-01\n\n- Old.\n", "already"),
    ],
)
def test_a_changelog_that_does_not_fit_is_refused(text: str, said: str) -> None:
    with pytest.raises(Refused, match=said):
        released(text, "0.2.0", DAY)


def test_the_version_is_written_where_all_parts_read_it(repository: Path) -> None:
    source = (repository / "firmware/lib/smartmeter/__init__.py").read_text()
    changed = with_version(source, "9.8.7")
    assert '__version__ = "9.8.7"' in changed
    assert len(changed.splitlines()) == len(source.splitlines())


@pytest.mark.parametrize("version", ["soon", "0.0.1", "v9.9"])
def test_what_is_no_later_version_is_refused(version: str, repository: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tools.release", version],
        cwd=repository,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("release: ")
    assert done.stderr.count("\n") == 1
