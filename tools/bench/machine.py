"""The machine of the figures: compare times only within one run."""

import os
import platform
from pathlib import Path


def describe() -> str:
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        names = [
            line.split(":", 1)[1].strip()
            for line in cpuinfo.read_text().splitlines()
            if line.startswith(("model name", "Model"))
        ]
        model = names[0] if names else model
    return (
        f"{platform.python_implementation()} {platform.python_version()}, {platform.system()}, "
        f"{os.cpu_count()} x {model}. Look at the ratios: they are of one run, "
        "the times are of this machine and moment."
    )
