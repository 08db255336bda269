"""AsyncAPI's own parser reads docs/asyncapi.json and finds nothing to say."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tools.clients.held import hold
from tools.environment import npm
from tools.environment.prepare import REPOSITORY

PACKAGE = "@asyncapi/parser@3.6.6"
_DOCUMENT = REPOSITORY / "docs" / "asyncapi.json"
_SCRIPT = """
const { Parser } = require("@asyncapi/parser");
const text = require("fs").readFileSync(process.argv[1], "utf8");
new Parser().parse(text).then(({ document, diagnostics }) => {
  const found = diagnostics.map(({ severity, message, path }) => ({ severity, message, path }));
  const channels = document ? document.channels().all().length : 0;
  console.log(JSON.stringify({ channels, found }));
});
"""
# 3.1 is the newest, but the parser still calls 3.0 that: a remark and no fault.
_REMARK = 2


def run(folder: Path) -> Iterator[str]:
    """Each line is something that holds. Raises NotHeld or Unavailable."""
    modules = npm.installed("asyncapi", (PACKAGE,))
    done = subprocess.run(
        ["node", "-e", _SCRIPT, str(_DOCUMENT)],
        cwd=folder,
        env=npm.environment(NODE_PATH=str(modules)),
        capture_output=True,
        text=True,
    )
    hold(done.returncode == 0, done.stderr.strip())
    answer = json.loads(done.stdout)
    faults = [each for each in answer["found"] if each["severity"] < _REMARK]
    hold(not faults, f"the parser says {faults}")
    yield f"{answer['channels']} channels, no error and no warning"
