# ruff: noqa: F821  (MicroPython's build gives these functions)
include("../../firmware/manifest.py")
