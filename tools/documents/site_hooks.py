"""MkDocs: adds the READMEs of all parts to the site of docs/, and adapts links between them.

A link to a file that is not in the site, such as a source, becomes plain text. Material's offline
plugin loads a script from another server, without which a browser cannot search in a folder of
files. IFRAME_WORKER names a copy that comes into the site instead (tools/documents/site.py).
"""

import os
import posixpath
import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

REPOSITORY = Path(__file__).resolve().parents[2]
# Files outside docs/ that are pages of the site, or pictures on them.
_OUTSIDE = (
    "*.md",
    "boards/**/*.md",
    "boards/**/*.svg",
    "firmware/README.md",
    "gateway/README.md",
    "cloud/README.md",
    "cloud/grafana/README.md",
)
# In the repository both are README.md, and in the site only one can be a folder's first page.
_RENAMED = {"README.md": "index.md", "docs/README.md": "contents.md"}
_FOREIGN = '<script src="https://unpkg.com/iframe-worker/shim"></script>'
_SHIM = "assets/iframe-worker.js"
_ITEM = re.compile(r" {0,3}([-*+]|\d+[.)]) +(?=\S)")
_FENCE = re.compile(r" {0,3}(```+|~~~+)")
_LINK = re.compile(r"(!?)\[([^\]]+)\]\(([^)#\s]*)(#[^)\s]*)?\)")


def places(root: Path = REPOSITORY) -> dict[str, str]:
    """Each file of the site: its path in the repository -> its path in the site's sources."""
    found = [path for pattern in _OUTSIDE for path in root.glob(pattern)]
    found += [path for path in (root / "docs").rglob("*") if path.is_file()]
    names = sorted(path.relative_to(root).as_posix() for path in found)
    return {name: _RENAMED.get(name, name.removeprefix("docs/")) for name in names}


def linked(markdown: str, name: str, known: dict[str, str]) -> str:
    """A page's text with links as the site needs them. name: its path in the repository."""
    here = posixpath.dirname(known[name])

    def link(found: re.Match[str]) -> str:
        mark, text, target, part = found.groups(default="")
        if not target or "://" in target:
            return found[0]
        wanted = posixpath.normpath(posixpath.join(posixpath.dirname(name), target))
        place = known.get(wanted) or known.get(posixpath.join(wanted, "README.md"))
        if place is None:
            return text
        return f"{mark}[{text}]({posixpath.relpath(place, here or '.')}{part})"

    return _LINK.sub(link, markdown)


def relisted(lines: list[str]) -> list[str]:
    """The same Markdown with lists as MkDocs reads them: content indented by four, blanks between.

    Elsewhere content may be indented as far as the text of its item.
    """
    made: list[str] = []
    is_in_list = False
    at = 0
    while at < len(lines):
        if fence := _FENCE.match(lines[at]):
            end = at + 1
            while end < len(lines) and not lines[end].lstrip().startswith(fence[1]):
                end += 1
            made += lines[at : end + 1]
            at = end + 1
        elif item := _ITEM.match(lines[at]):
            end = _item_end(lines, at, item.end())
            body = [
                line[item.end() :] if _within(line, item.end()) else line.strip()
                for line in lines[at + 1 : end]
            ]
            body = relisted([lines[at][item.end() :], *body])
            if made and made[-1] and not is_in_list:
                made.append("")
            is_in_list = True
            made.append(f"{item[1]} {body[0]}")
            made += [f"    {line}" if line else "" for line in body[1:]]
            if "" in body:
                made.append("")
            at = end
        else:
            is_in_list = False
            made.append(lines[at])
            at += 1
    return made


def _item_end(lines: list[str], at: int, width: int) -> int:
    """The first line behind the item that begins there."""
    end = at + 1
    for number in range(at + 1, len(lines)):
        line = lines[number]
        if not line.strip():
            continue
        is_lazy = lines[number - 1].strip() and not _ITEM.match(line)
        if not _within(line, width) and not is_lazy:
            break
        end = number + 1
    return end


def _within(line: str, width: int) -> bool:
    return len(line) - len(line.lstrip()) >= width


def on_files(files: "Files", config: "MkDocsConfig") -> "Files":
    from mkdocs.structure.files import File

    for name, place in places().items():
        before = files.get_file_from_path(name.removeprefix("docs/"))
        if name.startswith("docs/") and before and name not in _RENAMED:
            continue
        if before and name.startswith("docs/"):
            files.remove(before)
        files.append(File.generated(config, place, abs_src_path=str(REPOSITORY / name)))
    if shim := os.environ.get("IFRAME_WORKER"):
        files.append(File.generated(config, _SHIM, abs_src_path=shim))
    return files


def on_page_markdown(markdown: str, page: "Page", config: "MkDocsConfig", files: "Files") -> str:
    known = places()
    name = next(name for name, place in known.items() if place == page.file.src_uri)
    return "\n".join(relisted(linked(markdown, name, known).split("\n")))


def on_post_page(output: str, page: "Page", config: "MkDocsConfig") -> str:
    from mkdocs.utils import get_relative_url

    own = ""
    if "IFRAME_WORKER" in os.environ:
        own = f'<script src="{get_relative_url(_SHIM, page.url)}"></script>'
    return output.replace(_FOREIGN, own)


def on_post_template(output_content: str, template_name: str, config: "MkDocsConfig") -> str:
    """404.html, which is shown at any address."""
    return output_content.replace(_FOREIGN, "")
