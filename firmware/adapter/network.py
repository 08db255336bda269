"""The way to the LAN: Wi-Fi or Ethernet."""

import asyncio
import time

import network

from .console import say

TYPE_CHECKING = False  # what follows is for mypy; a device has no typing
if TYPE_CHECKING:
    from .settings import Document, Section

_JOIN_MS = 30_000


class Wifi:
    def __init__(self, settings: "Section", password: bytes | None) -> None:
        self._ssid = settings["ssid"]
        self._password = password.decode() if password else None
        self._wlan = network.WLAN(network.WLAN.IF_STA)
        self.trouble = ""

    def connected(self) -> bool:
        return self._wlan.isconnected()

    async def up(self) -> bool:
        """Joins; whether it worked. An interface that could not is switched off and on."""
        if self.connected():
            return True
        if self.trouble != "joining":
            say("network", "joining Wi-Fi %s" % self._ssid)
        self._wlan.active(False)
        self._wlan.active(True)
        self._wlan.connect(self._ssid, self._password)
        status = None
        until = time.ticks_add(time.ticks_ms(), _JOIN_MS)
        while time.ticks_diff(until, time.ticks_ms()) > 0:
            if self.connected():
                self.trouble = ""
                say("network", "up, address %s" % self._wlan.ifconfig()[0])
                return True
            status = self._wlan.status()
            if status == network.STAT_WRONG_PASSWORD:
                break
            await asyncio.sleep_ms(200)
        self._tell(status)
        return False

    def _tell(self, status: int | None) -> None:
        if status == network.STAT_WRONG_PASSWORD:
            trouble = "the Wi-Fi password is wrong"
        elif status == network.STAT_NO_AP_FOUND:
            trouble = "no Wi-Fi of that name in reach"
        else:
            trouble = "Wi-Fi does not answer"
        if trouble != self.trouble:
            say("network", trouble)
        self.trouble = trouble

    def rssi(self) -> int | None:
        """Signal strength in dBm, or None."""
        try:
            return self._wlan.status("rssi")
        except OSError:
            return None


class Ethernet:
    def __init__(self, settings: "Section") -> None:
        from machine import Pin

        mode = Pin.OUT if settings["ref_clk_out"] else Pin.IN
        power = settings["power"]
        wiring: "Section" = {
            "mdc": Pin(settings["mdc"]),
            "mdio": Pin(settings["mdio"]),
            "power": None if power is None else Pin(power),
            "phy_type": getattr(network, "PHY_" + settings["phy"]),
            "phy_addr": settings["phy_addr"],
            "ref_clk": Pin(settings["ref_clk"]),
            "ref_clk_mode": mode,
        }
        self._lan = network.LAN(0, **wiring)
        self.trouble = ""

    def connected(self) -> bool:
        return self._lan.isconnected()

    async def up(self) -> bool:
        if self.connected():
            return True
        say("network", "waiting for Ethernet")
        self._lan.active(True)
        until = time.ticks_add(time.ticks_ms(), _JOIN_MS)
        while time.ticks_diff(until, time.ticks_ms()) > 0:
            if self.connected():
                self.trouble = ""
                say("network", "up, address %s" % self._lan.ifconfig()[0])
                return True
            await asyncio.sleep_ms(200)
        self.trouble = "no Ethernet link"
        say("network", self.trouble)
        return False

    def rssi(self) -> int | None:
        return None


def interface(settings: "Document", password: bytes | None) -> "Wifi | Ethernet":
    """The one the settings name."""
    if "wifi" in settings:
        return Wifi(settings["wifi"], password)
    return Ethernet(settings["ethernet"])
