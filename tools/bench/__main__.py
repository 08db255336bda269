"""python -m tools.bench [SUBJECT ...]: prints a table for each subject, by default for all.

A subject is a module here with main() and, in its docstring's first line, what it measures.
"""

import argparse
import importlib
import sys
from pathlib import Path

from .machine import describe

# in the order they are printed; a further subject is a further module here
SUBJECTS = ("decode", "micropython", "startup", "gateway", "cloud", "bulk", "adapter")


def main() -> int:
    known = [name for name in SUBJECTS if (Path(__file__).parent / f"{name}.py").exists()]
    parser = argparse.ArgumentParser(
        prog="python -m tools.bench", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("subject", nargs="*", metavar="SUBJECT", help=", ".join(known))
    wanted = parser.parse_args().subject or known
    for name in wanted:
        if name not in known:
            parser.error(f"there is no subject {name!r}; there are {', '.join(known)}")
    print(describe())
    for name in wanted:
        module = importlib.import_module(f"tools.bench.{name}")
        print(f"\n== {(module.__doc__ or name).splitlines()[0]}\n", flush=True)
        module.main()
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
