"""Lints the Cloud's OpenAPI document with spectral and redocly.

    python -m tools.conformance.openapi

Fetches both linters by npm at first use. Exit status 1 if one of them finds an error.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from smartmeter_cloud.api.app import create
from smartmeter_cloud.config.settings import EnrolmentSettings, HttpSettings
from smartmeter_cloud.store.sqlite import SqliteStore
from smartmeter_service.unexpected_errors import UnexpectedErrors

from tools.environment import npm
from tools.environment.debian import Unavailable

_LINTERS = ("@stoplight/spectral-cli@6.16.3", "@redocly/cli@2.77.0")
# Whom to ask about a server is its operator's affair, so the document names no contact.
_RULES = """
extends: ["spectral:oas"]
rules:
  info-contact: "off"
"""


def document(folder: Path) -> Path:
    """The document that the API serves, in a file of that folder."""
    store = SqliteStore(folder / "smartmeter.sqlite")
    try:
        app = create(store, HttpSettings(EnrolmentSettings(folder)), UnexpectedErrors())
        path = folder / "openapi.json"
        path.write_text(json.dumps(app.openapi(), indent=1))
        return path
    finally:
        store.close()


def main() -> int:
    try:
        programs = npm.installed("openapi-linters", _LINTERS) / ".bin"
    except Unavailable as why:
        print(f"openapi: {why}", file=sys.stderr)
        return 1
    environment = npm.environment(REDOCLY_TELEMETRY="off")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = document(folder)
        rules = folder / "spectral.yaml"
        rules.write_text(_RULES)
        commands = (
            [programs / "spectral", "lint", "--ruleset", rules, "--fail-severity", "warn", path],
            [programs / "redocly", "lint", path],
        )
        done = [subprocess.run(c, env=environment, cwd=folder) for c in commands]
    return max(one.returncode for one in done)


if __name__ == "__main__":
    sys.exit(main())
