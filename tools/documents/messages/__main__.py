"""python -m tools.documents.messages: writes docs/messages.md, docs/asyncapi.json, docs/schemas/.

With --check it writes nothing, and the exit status is 1 if one of them is stale.
"""

import json
import sys
from pathlib import Path

from . import asyncapi, page, schemas

DOCS = Path(__file__).resolve().parents[3] / "docs"


def files(docs: Path) -> dict[Path, str]:
    """Every file that is written, with its text."""
    found = {
        docs / "schemas" / f"{n}.json": _json(schemas.of(f)) for n, f in schemas.names().items()
    }
    found[docs / "asyncapi.json"] = _json(asyncapi.document())
    found[docs / "messages.md"] = page.page(docs / "examples")
    return found


def _json(document: object) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def stale(docs: Path) -> list[Path]:
    """Files that are not as they would be written, and schemas of no message."""
    wanted = files(docs)
    wrong = [p for p, text in wanted.items() if not p.is_file() or p.read_text("utf-8") != text]
    return wrong + [p for p in docs.glob("schemas/*.json") if p not in wanted]


def main(arguments: list[str]) -> int:
    if arguments == ["--check"]:
        found = stale(DOCS)
        for path in found:
            print(f"{path.name} is stale: run python -m tools.documents.messages")
        return int(bool(found))
    if arguments:
        print("messages: takes --check or nothing", file=sys.stderr)
        return 2
    for path, text in files(DOCS).items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    for path in stale(DOCS):
        path.unlink()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
