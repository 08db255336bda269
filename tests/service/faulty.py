"""Run a program of ours with a bug in one function.

    python faulty.py module:Class.function TRIGGER program ARGUMENT...

The function raises once for each time that the file TRIGGER is put there.
"""

import functools
import importlib
import runpy
import sys
from pathlib import Path
from typing import Any


def program(target: str, trigger: Path, name: str) -> list[str]:
    """The arguments for Python that run the program of that name."""
    return [__file__, target, str(trigger), name]


def put_in(target: str, trigger: Path) -> None:
    module, _, path = target.partition(":")
    owner: Any = importlib.import_module(module)
    *classes, name = path.split(".")
    for each in classes:
        owner = getattr(owner, each)
    original = getattr(owner, name)

    @functools.wraps(original)
    def faulty(*arguments: Any, **named: Any) -> Any:
        try:
            trigger.unlink()
        except FileNotFoundError:
            return original(*arguments, **named)
        raise LookupError("a bug that a test put in")

    setattr(owner, name, faulty)


if __name__ == "__main__":
    target, trigger, name, *arguments = sys.argv[1:]
    put_in(target, Path(trigger))
    sys.argv[1:] = arguments
    runpy.run_module(name, run_name="__main__", alter_sys=True)
