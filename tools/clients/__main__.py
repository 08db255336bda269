"""make clients: each program reads a running chain as docs/ says; exit status 1 if one could not.

python -m tools.clients [NAME ...]
"""

import argparse
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from tools.clients import asyncapi, emulated, mqtt_cli, node_red, prometheus
from tools.clients.held import NotHeld
from tools.environment.debian import Unavailable

# name -> what runs in an empty folder, and says one line for each thing that holds
CLIENTS: dict[str, Callable[[Path], Iterator[str]]] = {
    "asyncapi": asyncapi.run,
    "emulated": emulated.run,
    "mqtt": mqtt_cli.run,
    "node-red": node_red.run,
    "prometheus": prometheus.run,
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"{', '.join(CLIENTS)}; or all")
    chosen = parser.parse_args().names or list(CLIENTS)
    if unknown := set(chosen) - CLIENTS.keys():
        parser.error(f"there is no client {', '.join(sorted(unknown))}")
    failed = 0
    for name in chosen:
        print(name)
        try:
            with tempfile.TemporaryDirectory(prefix=f"clients-{name}-") as folder:
                for line in CLIENTS[name](Path(folder)):
                    print(f"  {line}", flush=True)
        except (NotHeld, Unavailable, TimeoutError) as why:
            print(f"  NO: {why}")
            failed += 1
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
