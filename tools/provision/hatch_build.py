"""Puts the tool, the firmware and the boards' data into the wheel of smartmeter-provision.

The wheel contains the firmware twice: the sources, whose checks and tables the tool uses, and
compiled modules, which a board gets. A wheel is built from a full checkout.
"""

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

PACKAGE = "smartmeter_provision"
_COMPILE = """
import pathlib, sys
from tools.flash import collect
collect(pathlib.Path(sys.argv[1]))
"""
_OF_A_BOARD = ("board.json", "pins.csv", "adapter.toml")


class ProvisionHook(BuildHookInterface[Any]):
    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        here = Path(self.root)
        repository = here.parents[1]
        if not (repository / "firmware" / "main.py").is_file():
            raise FileNotFoundError(
                "the firmware is missing: build smartmeter-provision from a full checkout"
            )
        self._made = tempfile.TemporaryDirectory()
        # tools.flash imports this package, so it compiles in a process of its own
        subprocess.run(
            [sys.executable, "-c", _COMPILE, self._made.name], cwd=repository, check=True
        )
        include = build_data["force_include"]
        include[self._made.name] = f"{PACKAGE}/compiled"
        for folder in ("adapter", "lib"):
            for source in (repository / "firmware" / folder).rglob("*.py"):
                name = source.relative_to(repository).as_posix()
                include[str(source)] = f"{PACKAGE}/{name}"
        for module in here.glob("*.py"):
            if module.name != "hatch_build.py":
                include[str(module)] = f"{PACKAGE}/{module.name}"
        for name in _OF_A_BOARD:
            for file in (repository / "boards").glob(f"*/{name}"):
                include[str(file)] = f"{PACKAGE}/boards/{file.parent.name}/{name}"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        self._made.cleanup()
