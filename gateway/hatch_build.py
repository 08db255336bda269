"""Include the core from ../firmware/lib in the gateway's distribution.

The core is edited in one place, firmware/lib/smartmeter, because that folder is
what is copied to the device. A wheel gets a copy of it, an sdist carries it in
vendored/ so that a wheel can be built from the sdist, an editable install points at it.
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
