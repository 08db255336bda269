"""docs/troubleshooting.md quotes what the programs say."""

import ast
import re
from pathlib import Path

import pytest

PAGE = Path(__file__).resolve().parents[3] / "docs" / "troubleshooting.md"
SPEAKERS = (
    "gateway/src/smartmeter_gateway/**/*.py",
    "firmware/adapter/*.py",
    "firmware/lib/smartmeter/dialog/line_search.py",
    "tools/provision/*.py",
)
PAGES = (
    "cloud/src/smartmeter_cloud/web/words/en.js",
    "gateway/src/smartmeter_gateway/web/static/page.js",
)
ROWS = re.findall(r"^\| (.+?) \| (.+) \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
QUOTED = sorted(
    {
        (where, quote)
        for where, said in ROWS
        if where not in ("where", "LED of the adapter")
        for quote in re.findall(r"`([^`]+)`", said)
    }
)


@pytest.fixture(scope="module")
def spoken(repository: Path) -> str:
    """Every text of the programs' sources."""
    found = [(repository / page).read_text(encoding="utf-8") for page in PAGES]
    for pattern in SPEAKERS:
        for path in repository.glob(pattern):
            tree = ast.parse(path.read_text(encoding="utf-8"))
            found += [
                node.value
                for node in ast.walk(tree)
                if isinstance(node, ast.Constant) and isinstance(node.value, str)
            ]
    # what stands for a name or a number, in a text for % and in the pages
    return re.sub(r"%[sd]|\$?\{\w+\}", "…", "\n".join(found))


@pytest.mark.parametrize(("where", "quote"), QUOTED)
def test_the_programs_say_so(spoken: str, where: str, quote: str) -> None:
    words = quote.removeprefix("WRONG  ")
    pieces = [piece.strip() for part in words.split("…") for piece in part.split(": ")]
    assert any(len(piece) >= 8 for piece in pieces), quote
    assert not [piece for piece in pieces if piece not in spoken]


def test_each_number_of_flashes_has_a_section(repository: Path) -> None:
    text = PAGE.read_text(encoding="utf-8")
    headings = {
        re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")
        for heading in re.findall(r"^## (.+)$", text, re.MULTILINE)
    }
    links = set(re.findall(r"\]\(#([\w-]+)\)", text))
    assert links <= headings
    told = dict(re.findall(r"^\| (\d) \| (.+) \|$", firmware(repository), re.MULTILINE))
    shown = dict(re.findall(r"^\| (\d) flash(?:es)? \| (.+?) \|", text, re.MULTILINE))
    assert sorted(shown) == sorted(told) == list("12345")


def firmware(repository: Path) -> str:
    return (repository / "firmware" / "README.md").read_text(encoding="utf-8")
