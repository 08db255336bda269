# Freezes the firmware into your own image:
#     make BOARD=ESP32_GENERIC FROZEN_MANIFEST=/path/to/firmware/manifest.py
# ruff: noqa: F821  (MicroPython's build gives these functions)
include("$(PORT_DIR)/boards/manifest.py")
package("adapter")
package("smartmeter", base_path="lib")
module("main.py")
module("slots.py")
