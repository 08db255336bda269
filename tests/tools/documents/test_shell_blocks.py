"""The shell blocks of README.md and docs/ say whether they can be run; `make docs` runs them."""

import subprocess
import sys
from pathlib import Path

import pytest

from tools.documents import shell_blocks
from tools.documents.shell_blocks import Block, Unmarked

PAGE = """# Page

<!-- run NAME=you -->
```sh
mkdir -p deeper && cd deeper
test "$NAME" = you
```

<!-- not run: it needs a board -->
```sh
false
```

<!-- run -->
```sh
git clone -q URL copy
touch ended
```
"""


def test_every_block_of_the_documents_is_marked(repository: Path) -> None:
    found = [
        block
        for name in shell_blocks.files()
        for block in shell_blocks.blocks(name, (repository / name).read_text(encoding="utf-8"))
    ]
    assert {block.file for block in found} >= {"README.md", "docs/troubleshooting.md"}
    assert any(not block.skipped for block in found)


def test_marked_blocks_run_in_a_folder_of_their_own(tmp_path: Path) -> None:
    home, other = tmp_path / "home", tmp_path / "other"
    home.mkdir()
    subprocess.run(["git", "init", "-q", str(other)], check=True)
    first, skipped, last = shell_blocks.blocks("page.md", PAGE)
    assert first == Block(
        "page.md", 4, 'mkdir -p deeper && cd deeper\ntest "$NAME" = you\n', "", {"NAME": "you"}
    )
    assert skipped.skipped == "it needs a board"
    assert shell_blocks.run(first, home, other) == 0
    assert shell_blocks.run(last, home, other) == 0
    assert (home / "deeper" / "ended").exists()
    assert (home / "deeper" / "copy" / ".git").is_dir()


def test_a_command_that_fails_ends_its_block(tmp_path: Path) -> None:
    [block] = shell_blocks.blocks("page.md", "<!-- run -->\n```sh\nfalse\ntouch ended\n```\n")
    assert shell_blocks.run(block, tmp_path) == 1
    assert not (tmp_path / "ended").exists()


def test_a_block_without_a_mark_is_refused() -> None:
    with pytest.raises(Unmarked, match=r"^page.md:2: a block of sh needs <!-- run -->"):
        list(shell_blocks.blocks("page.md", "text\n```sh\nls\n```\n"))


def test_the_command_says_what_is_skipped_and_why(repository: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tools.documents.shell_blocks", "docs/recipes/README.md"],
        cwd=repository,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert ": not run: it needs your broker; `make clients` runs it with one\n" in done.stdout
    assert done.stdout.endswith("shell_blocks: 0 blocks ran, 0 failed\n")
