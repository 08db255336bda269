"""make attack: every attack against a running chain; exit status 1 if one did not hold.

    python -m tools.attack [--short] [--broker embedded|mosquitto] [WORD ...]

WORDs select the attacks whose titles contain one of them.
"""

import argparse
import resource
import sys
import tempfile
import textwrap
from pathlib import Path

from tools.attack.campaign import run
from tools.attack.site import Site
from tools.environment.debian import Unavailable
from tools.environment.prepare import program
from tools.table import Table


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("words", nargs="*", metavar="WORD", help="parts of titles; default: all")
    parser.add_argument("--short", action="store_true", help="without those that take minutes")
    parser.add_argument("--broker", choices=("embedded", "mosquitto"), help="default: both")
    chosen = parser.parse_args()
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(files, 8192), files))
    failed = 0
    for broker in [chosen.broker] if chosen.broker else ["embedded", "mosquitto"]:
        if broker == "mosquitto":
            try:
                program("mosquitto")
            except Unavailable as why:
                print(f"without mosquitto: {why}")
                continue
        print(f"\nthe Cloud's broker is {broker}")
        with (
            tempfile.TemporaryDirectory(prefix="attack-") as folder,
            Site(Path(folder), broker == "mosquitto") as site,
        ):
            table = Table(("attack", 76), ("finding", 8), ("held", 4), ("s", 5), ("delay s", 7))
            for outcome in run(site, chosen.short, chosen.words):
                delay = "-" if outcome.delay_s is None else f"{outcome.delay_s:.1f}"
                verdict = "NO" if outcome.why else "yes"
                table.row(outcome.title, outcome.finding, verdict, f"{outcome.seconds:.0f}", delay)
                if outcome.why:
                    failed += 1
                    print(textwrap.indent(textwrap.fill(outcome.why, 96), "    "), flush=True)
    print(f"\n{failed} attacks did not hold" if failed else "\nall attacks held")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
