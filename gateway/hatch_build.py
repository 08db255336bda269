"""Include the core from ../firmware/lib in the gateway's distribution.

The core is only edited in firmware/lib/smartmeter, because that folder is copied to the device. A
wheel contains a copy of it. An sdist has it in vendored/, so that a wheel can be built from the
sdist. An editable install points at it.
"""

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


def core(root: str) -> Path:
    checkout = Path(root).parent / "firmware" / "lib" / "smartmeter"
    vendored = Path(root) / "vendored" / "smartmeter"
    for path in (checkout, vendored):
        if path.is_dir():
            return path
    raise FileNotFoundError(
        f"{checkout} is missing: install from a full checkout or from the sdist"
    )


class CoreHook(BuildHookInterface[Any]):
    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version == "editable":  # dev-mode-dirs makes the live sources importable
            return
        target = "vendored/smartmeter" if self.target_name == "sdist" else "smartmeter"
        build_data["force_include"][str(core(self.root))] = target
