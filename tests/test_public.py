"""What a stranger reads first is true: the files that documents name exist, and CI runs `make`."""

import re
import struct
from pathlib import Path

import pytest
import yaml

from tools.first_hour.readme import block_with

REPOSITORY = Path(__file__).resolve().parents[1]
DOCUMENTS = sorted(
    path.relative_to(REPOSITORY).as_posix()
    for folder in ("", "docs/**/", "gateway/", "cloud/", "firmware/", "boards/**/", "tools/")
    for path in REPOSITORY.glob(f"{folder}*.md")
)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_links_inside_the_repository_lead_somewhere(repository: Path, name: str) -> None:
    path = repository / name
    targets = re.findall(r"\]\(([^)#\s]+)", path.read_text())
    missing = [t for t in targets if "://" not in t and not (path.parent / t).exists()]
    assert not missing


def test_the_readme_begins_with_a_picture_that_fits_a_screen(repository: Path) -> None:
    head = (repository / "README.md").read_text().split("\n## ")[0]
    [picture] = re.findall(r"!\[[^]]+\]\(([^)]+)\)", head)
    data = (repository / picture).read_bytes()
    assert struct.unpack(">II", data[16:24]) == (1200, 700)
    assert len(data) < 300_000


def test_make_first_hour_finds_its_commands_in_the_readme(repository: Path) -> None:
    readme = repository / "README.md"
    cloud = block_with(readme, "install ./gateway ./cloud")
    assert any(re.search(r"smartmeter-cloud [a-z]", line) for line in cloud)
    home = block_with(readme, "install ./gateway", "smartmeter-gateway init")
    assert any("git clone URL" in line for line in home)


def test_the_files_that_contributing_names_exist(repository: Path) -> None:
    named = re.findall(r"`([a-z]+/[\w./*-]+)`", (repository / "CONTRIBUTING.md").read_text())
    rooms = ("firmware/", "gateway/", "cloud/", "tools/", "tests/")
    ours = [path for path in named if path.startswith(rooms)]
    assert len(ours) > 20
    assert not [path for path in ours if not list(repository.glob(path))]


def test_public_ci_runs_the_readme_s_commands_with_no_rights(repository: Path) -> None:
    workflow = yaml.safe_load((repository / ".github/workflows/tests.yml").read_text())
    commands = [step.get("run") for step in workflow["jobs"]["test"]["steps"]]
    assert [command for command in commands if command and command.startswith("make")] == [
        "make test",
        "make lint",
    ]
    assert workflow["permissions"] == {"contents": "read"}


def test_issue_forms_ask_for_redacted_captures_only(repository: Path) -> None:
    forms = sorted((repository / ".github/ISSUE_TEMPLATE").glob("*.yml"))
    names = {form.stem for form in forms} - {"config"}
    assert names == {"bug", "meter-is-not-read", "new-meter"}
    for name in names:
        text = (repository / f".github/ISSUE_TEMPLATE/{name}.yml").read_text()
        assert "Never paste" in text
        captures = re.findall(r"smartmeter-gateway decode [^`]*", text)
        assert all("--redact" in command for command in captures)
        assert captures or name == "bug"
        ids = [part.get("id") for part in yaml.safe_load(text)["body"] if "id" in part]
        assert len(ids) == len(set(ids))
