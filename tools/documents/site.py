"""Builds the site of docs/ into build/site, without any network, and checks that it needs none.

python -m tools.documents.site
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from tools.environment import npm
from tools.environment.debian import Unavailable
from tools.environment.prepare import REPOSITORY

SITE = REPOSITORY / "build" / "site"
_WORKER = "iframe-worker@1.0.4"  # MIT; lets a page in a folder of files search
# What a browser loads by itself: links that a person follows are not among it.
_LOADED = re.compile(
    r'<(?:script|img|iframe|source)[^>]*\ssrc="((?:https?:)?//[^"]+)"'
    r'|<link[^>]*\srel="(?:stylesheet|icon|preconnect|preload)"[^>]*href="((?:https?:)?//[^"]+)"'
    r'|url\(\s*["\']?((?:https?:)?//[^)"\']+)'
)


def build() -> int:
    """mkdocs, in a network namespace of its own where the machine allows it; its exit status."""
    shim = npm.installed("site", (_WORKER,)) / "iframe-worker" / "shim" / "index.js"
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet"]
    alone = ["unshare", "--map-root-user", "--net"]
    if shutil.which("unshare") and not subprocess.run([*alone, "true"]).returncode:
        command = [*alone, *command]
    more = {"IFRAME_WORKER": str(shim), "NO_MKDOCS_2_WARNING": "1"}
    shutil.rmtree(SITE, ignore_errors=True)
    return subprocess.run(command, cwd=REPOSITORY, env=os.environ | more).returncode


def foreign(site: Path) -> list[str]:
    """What pages and styles load from other servers, each with its file."""
    found = []
    for path in sorted(site.rglob("*")):
        if path.suffix in (".html", ".css"):
            for groups in _LOADED.findall(path.read_text(encoding="utf-8")):
                found.append(f"{path.relative_to(site)}: {next(filter(None, groups))}")
    return found


def main() -> int:
    try:
        status = build()
    except Unavailable as why:
        print(f"site: {why}", file=sys.stderr)
        return 1
    if status:
        return status
    found = foreign(SITE)
    for line in found:
        print(f"site: loads from another server: {line}", file=sys.stderr)
    pages = len(list(SITE.rglob("*.html")))
    print(f"site: {pages} pages in {SITE.relative_to(REPOSITORY)}")
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
