"""Tests the Cloud's API against its own description with schemathesis.

    python -m tools.fuzz.api [--examples N] [--seed N]

starts an api process over a store with two households, and sends it what its OpenAPI document
allows and what it does not. Exit status 1 if an answer is not as described, or is a 500.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from smartmeter_cloud.api.keys import new_key
from smartmeter_cloud.ingest.message import MessageBatch
from smartmeter_cloud.store.sqlite import SqliteStore

# A stream without an end, and certificate signing requests, which schemathesis cannot make, have
# tests of their own. Two moments may each be right and not in their order, which no schema says.
_SETTINGS = """
[phases.coverage]
unexpected-methods = ["PATCH", "OPTIONS"]

[[operations]]
include-path-regex = "(live|enroll)$"
enabled = false

[[operations]]
include-path-regex = "(power|voltage|energy|consumption|aggregate)$"
checks.positive_data_acceptance.enabled = false
"""
_READING = (
    b'{"time":"2026-09-22T10:00:00Z","clock":"meter","seq":1,"auth":"none","values":{"1.8.0":5}}'
)
_START_SECONDS = 60.0


def fuzz(folder: Path, phases: str, examples: int, seed: int) -> subprocess.CompletedProcess[str]:
    """One run; phases as schemathesis calls them. Returns its output."""
    store = SqliteStore(folder / "smartmeter.sqlite")
    key, token = new_key("fuzz", "admin", None, 1)
    store.add_key(key)
    batch = MessageBatch()
    for house, meter in (("house-1", "m1"), ("house-2", "m2")):
        topic = f"concentrator/{house}/smartMeterMessage/{meter}/reading"
        batch.add(topic, _READING, int(time.time() * 1000))
    store.place_concentrator("house-1", "smith")
    store.write(batch)
    store.close()
    (folder / "cloud.toml").write_text("[http]\nport = 0\n")
    (folder / "schemathesis.toml").write_text(_SETTINGS)
    log = folder / "api.log"
    with log.open("wb") as out:
        api = subprocess.Popen(
            [sys.executable, "-u", "-m", "smartmeter_cloud", "api", "--config"]
            + [str(folder / "cloud.toml")],
            stdout=out,
            stderr=out,
        )
    try:
        address = _address(api, log)
        header = 'headers = { Authorization = "Bearer ${API_KEY}" }\n'
        (folder / "schemathesis.toml").write_text(header + _SETTINGS)
        return subprocess.run(
            [sys.executable, "-m", "schemathesis.cli"]
            + ["--config-file", str(folder / "schemathesis.toml")]
            + ["run", f"{address}openapi.json", "--max-examples", str(examples)]
            + ["--seed", str(seed), "--phases", phases, "--no-color"],
            env=os.environ | {"API_KEY": token},
            cwd=folder,
            capture_output=True,
            text=True,
        )
    finally:
        api.terminate()
        api.wait()


def _address(api: "subprocess.Popen[bytes]", log: Path) -> str:
    until = time.monotonic() + _START_SECONDS
    while time.monotonic() < until and api.poll() is None:
        for line in log.read_text().splitlines():
            if "the page is at " in line:
                return line.split()[-1]
        time.sleep(0.05)
    raise SystemExit(f"fuzz_api: the api did not start: {log.read_text()}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--examples", type=int, default=300, help="for each operation")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        done = fuzz(Path(folder), "coverage,fuzzing,stateful", arguments.examples, arguments.seed)
    print(done.stdout, done.stderr, sep="\n")
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
