"""The check of the project's prose: what it finds, where it says it is, and what it skips."""

import subprocess
import sys
from pathlib import Path

import pytest

from tools.prose import __main__ as prose

TWENTY_ONE = " ".join(["word"] * 21) + "."
TWENTY = " ".join(["word"] * 20) + "."


def found(folder: Path, name: str, text: str) -> list[tuple[int, str]]:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return list(prose.check(path))


def lines(folder: Path, name: str, text: str) -> list[int]:
    return [line for line, _ in found(folder, name, text)]


def test_a_sentence_of_21_words_is_found_and_one_of_20_is_not(tmp_path: Path) -> None:
    assert found(tmp_path, "a.md", f"Short.\n\n{TWENTY}\n\n{TWENTY_ONE}\n") == [
        (5, "21 words in one sentence, at most 20: split it")
    ]


def test_the_line_is_that_on_which_the_sentence_begins(tmp_path: Path) -> None:
    text = f"One sentence.\nA second {TWENTY}\nmosquitto may be third.\n"
    assert lines(tmp_path, "a.md", text) == [2]


def test_list_items_are_passages_of_their_own(tmp_path: Path) -> None:
    half = " ".join(["word"] * 11)
    assert lines(tmp_path, "a.md", f"- {half}\n- {half}\n1. {half}\n") == []
    assert lines(tmp_path, "a.md", f"- {half}\n  {half}\n") == [1]


@pytest.mark.parametrize(
    "text",
    [
        f"# {TWENTY_ONE}\n",
        f"```\n{TWENTY_ONE} anew\n```\n",
        f"    {TWENTY_ONE} anew\n",
        f"- item\n\n      {TWENTY_ONE} anew\n",
        f"- item\n\n| a |\n\n    {TWENTY_ONE} anew\n",
        f"| {TWENTY_ONE} | anew |\n",
        "`" + TWENTY_ONE + " anew`\n",
        "![](anew.png) [text](https://anew.example/anew)\n",
        f"<!-- long -->\n{TWENTY_ONE}\n",
    ],
    ids=[
        "heading",
        "fence",
        "code",
        "code in a list",
        "code after a list",
        "table",
        "span",
        "address",
        "marked",
    ],
)
def test_what_is_not_prose_is_skipped(tmp_path: Path, text: str) -> None:
    assert found(tmp_path, "a.md", text) == []


def test_a_mark_allows_one_long_passage_and_no_second(tmp_path: Path) -> None:
    text = f"<!-- long -->\n{TWENTY_ONE}\n\n{TWENTY_ONE}\n"
    assert lines(tmp_path, "a.md", text) == [4]


def test_a_phrase_is_found_over_a_line_break_and_its_plain_form_is_named(tmp_path: Path) -> None:
    ((line, fault),) = found(tmp_path, "a.md", "It begins.\nIt lasts for\never.\n")
    assert line == 2
    assert '"for ever"' in fault
    assert "forever" in fault


@pytest.mark.parametrize(
    "sentence",
    [
        "It starts anew.",
        "A wrong reading is no reading.",
        "The status is told.",
        "Where the key is wrong, nothing is read.",
        "Who sends wrong keys waits.",
        "It is kept, for it is needed.",
        "The telegram is enciphered.",
    ],
)
def test_german_syntax_is_found(tmp_path: Path, sentence: str) -> None:
    assert len(found(tmp_path, "a.md", sentence)) == 1


@pytest.mark.parametrize(
    "sentence",
    [
        "There is no limit, and it is no longer needed.",
        "Who may read this? Where does it go?",
        "It is built for the ESP32, for this and for that.",
        "The DLMS standard names it general ciphering.",
    ],
)
def test_plain_english_passes(tmp_path: Path, sentence: str) -> None:
    assert found(tmp_path, "a.md", sentence) == []


def test_first_paragraphs_of_docstrings_are_short_and_later_ones_may_be_long(
    tmp_path: Path,
) -> None:
    text = f'''"""Module, anew."""


class Thing:
    """{TWENTY_ONE}

    {TWENTY_ONE}
    """

    def act(self) -> None:
        """A sentence that {" ".join(["word"] * 8)}
        goes on {" ".join(["word"] * 8)} and ends here.
        """

    def mark(self) -> None:
        """{TWENTY_ONE}"""  # prose: long
'''
    assert lines(tmp_path, "a.py", text) == [1, 5, 11]


def test_phrases_are_found_in_comments_and_in_all_of_a_docstring(tmp_path: Path) -> None:
    text = f'''"""Module.

It starts anew.
"""

# It starts {TWENTY_ONE}
# for
# ever.
x = 1  # told
y = "anew"
'''
    assert lines(tmp_path, "a.py", text) == [3, 7, 9]


def test_the_command_names_file_and_line_and_fails(tmp_path: Path) -> None:
    path = tmp_path / "a.md"
    path.write_text("Fine.\n\nIt starts anew.\n", encoding="utf-8")
    command = [sys.executable, "-m", "tools.prose", str(path)]
    run = subprocess.run(command, capture_output=True, text=True, cwd=prose.ROOT)
    assert run.returncode == 1
    assert run.stdout.startswith(f"{path}:3: ")
    path.write_text("Fine.\n", encoding="utf-8")
    run = subprocess.run(command, capture_output=True, text=True, cwd=prose.ROOT)
    assert (run.returncode, run.stdout) == (0, "")
