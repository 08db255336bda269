"""The site of docs/ has every page that is linked, and loads nothing from elsewhere."""

from pathlib import Path

import pytest
import yaml

from tools.documents import site, site_hooks

KNOWN = {
    "README.md": "index.md",
    "docs/README.md": "contents.md",
    "docs/meters/at.md": "meters/at.md",
    "docs/page.png": "page.png",
    "boards/README.md": "boards/README.md",
}


@pytest.mark.parametrize(
    ("name", "text", "wanted"),
    [
        ("README.md", "![Page](docs/page.png)", "![Page](page.png)"),
        ("README.md", "[docs](docs/)", "[docs](contents.md)"),
        ("docs/meters/at.md", "[b](../../boards/README.md#x)", "[b](../boards/README.md#x)"),
        ("docs/meters/at.md", "[home](../../README.md)", "[home](../index.md)"),
        ("README.md", "[tests](tests/test_house.py)", "tests"),
        ("README.md", "[MicroPython](https://micropython.org)", None),
        ("README.md", "[here](#quick-start)", None),
    ],
)
def test_links_lead_to_the_site_s_pages(name: str, text: str, wanted: str | None) -> None:
    assert site_hooks.linked(text, name, KNOWN) == (wanted or text)


def test_lists_are_indented_as_mkdocs_reads_them() -> None:
    text = "Text:\n- one\n- two\n\n1. First\n\n       code\n\n   more\n2. Second\n   line"
    made = "Text:\n\n- one\n- two\n\n1. First\n\n        code\n\n    more\n\n2. Second\n    line"
    assert "\n".join(site_hooks.relisted(text.splitlines())) == made
    fenced = ["```sh", "- no list", "   1. either", "```"]
    assert site_hooks.relisted(fenced) == fenced


def test_the_navigation_names_pages_that_exist(repository: Path) -> None:
    settings = yaml.safe_load((repository / "mkdocs.yml").read_text())
    named = [
        page
        for entry in settings["nav"]
        for value in entry.values()
        for page in (value if isinstance(value, list) else [value])
    ]
    pages = {page if isinstance(page, str) else next(iter(page.values())) for page in named}
    assert pages <= set(site_hooks.places().values())
    assert settings["theme"]["font"] is False


def test_what_a_page_loads_from_elsewhere_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text('<a href="https://example.org">fine</a><script src="own.js"></script>')
    assert site.foreign(tmp_path) == []
    page.write_text('<script async src="https://cdn.example/x.js"></script>')
    (tmp_path / "style.css").write_text("@font-face { src: url(//fonts.example/f.woff2) }")
    assert site.foreign(tmp_path) == [
        "page.html: https://cdn.example/x.js",
        "style.css: //fonts.example/f.woff2",
    ]
