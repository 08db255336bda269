"""SECURITY.md answers every provision of EN 303 645, and the tests that it names exist."""

import re
from pathlib import Path

import pytest

# How many provisions each section of EN 303 645 V2.1.1 has.
PROVISIONS = {1: 5, 2: 3, 3: 16, 4: 4, 5: 8, 6: 9, 7: 2, 8: 3, 9: 3, 10: 1, 11: 4, 12: 3, 13: 1}
ROW = re.compile(r"^\| (5\.\d+-\d+) \| (.+?) \| (.+) \|$", re.MULTILINE)


@pytest.fixture
def document(repository: Path) -> str:
    return (repository / "SECURITY.md").read_text()


def test_every_provision_is_answered_once_and_in_order(document: str) -> None:
    answered = [number for number, _, _ in ROW.findall(document)]
    assert answered == [f"5.{s}-{n}" for s, last in PROVISIONS.items() for n in range(1, last + 1)]


def test_an_answer_is_one_of_four_and_says_how(document: str) -> None:
    answers = {answer for _, answer, _ in ROW.findall(document)}
    assert answers == {"met", "partly", "not", "not applicable"}
    assert all(len(how) > 20 for _, _, how in ROW.findall(document))


def test_every_named_test_exists(document: str, repository: Path) -> None:
    named = set(re.findall(r"tests/[a-z0-9_/]+\.py", document))
    assert len(named) > 20
    assert [name for name in sorted(named) if not (repository / name).is_file()] == []
