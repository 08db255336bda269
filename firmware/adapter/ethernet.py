"""The connection to the LAN by Ethernet."""

import network
from machine import Pin

from .console import say
from .network import Wifi

TYPE_CHECKING = False  # what follows is for mypy; a device has no typing
if TYPE_CHECKING:
    from typing import Any

    from .settings import Section


class Ethernet(Wifi):
    kind = "Ethernet"

    def _start(self) -> "Any":
        say("network", "waiting for Ethernet")
        settings = self._settings
        power = settings["power"]
        wiring: "Section" = {
            "mdc": Pin(settings["mdc"]),
            "mdio": Pin(settings["mdio"]),
            "power": None if power is None else Pin(power),
            "phy_type": getattr(network, "PHY_" + settings["phy"]),
            "phy_addr": settings["phy_addr"],
            "ref_clk": Pin(settings["ref_clk"]),
            "ref_clk_mode": Pin.OUT if settings["ref_clk_out"] else Pin.IN,
        }
        lan = network.LAN(0, **wiring)
        lan.active(True)
        if settings["address"]:
            lan.ifconfig(tuple(settings["address"]))
        return lan

    def _reason(self) -> str:
        return "no Ethernet link"

    def rssi(self) -> int | None:
        return None
