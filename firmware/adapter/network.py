"""The connection to the LAN: Wi-Fi or Ethernet.

What a driver raises is trouble, not a crash: the publisher tries again, takes the interface down
after five minutes without a broker, and restarts the adapter after twenty.
"""

import asyncio
import time

import network

from .console import say

TYPE_CHECKING = False  # what follows is for mypy; a device has no typing
if TYPE_CHECKING:
    from typing import Any

    from .settings import Section

_JOIN_MS = 30_000
# OSError and (up to 1.25) RuntimeError of ESP-IDF, MemoryError of the port
_DRIVER_ERRORS = (OSError, RuntimeError, MemoryError)


class Wifi:
    kind = "Wi-Fi"

    def __init__(self, settings: "Section", password: bytes | None) -> None:
        self._settings = settings
        self._password = password.decode() if password else None
        self._nic: "Any" = None  # the driver's object while the interface is up
        self._failed = False  # whether the last up() was without success
        self.trouble = ""

    def connected(self) -> bool:
        return self._nic is not None and bool(self._nic.isconnected())

    def router(self) -> str:
        """The router's address, from DHCP or the settings; "" while it is not known."""
        return str(self._nic.ifconfig()[2]) if self._nic else ""

    def down(self) -> None:
        """Takes the interface down. The next up() starts it again, with a new lease."""
        nic, self._nic = self._nic, None
        try:
            if nic:
                nic.active(False)
        except _DRIVER_ERRORS as why:
            say("network", "%s driver: %s" % (self.kind, why))

    async def up(self) -> bool:
        """Whether there is a connection, after 30 s at most.

        The driver reconnects by itself, and keeps trying. Only a second failure restarts it.
        """
        if self.connected():
            return True
        if self._failed:
            self.down()
        try:
            trouble = await self._try()
        except _DRIVER_ERRORS as why:
            trouble = "%s driver: %s" % (self.kind, why)
        self._failed = trouble != ""
        if trouble and trouble != self.trouble:
            say("network", trouble)
        self.trouble = trouble
        return not trouble

    async def _try(self) -> str:
        """Why there is no connection, or ""."""
        if self._nic is None:
            self._nic = self._start()
        until = time.ticks_add(time.ticks_ms(), _JOIN_MS)
        while time.ticks_diff(until, time.ticks_ms()) > 0:
            if self.connected():
                say("network", "up, address %s" % self._nic.ifconfig()[0])
                return ""
            await asyncio.sleep_ms(200)
        return self._reason()

    def _start(self) -> "Any":
        ssid = self._settings["ssid"]
        say("network", "joining Wi-Fi %s" % ssid)
        wlan = network.WLAN(network.WLAN.IF_STA)
        wlan.active(False)
        wlan.active(True)
        if not self._settings["power_saving"]:
            wlan.config(pm=network.WLAN.PM_NONE)
        if self._settings["address"]:
            wlan.ifconfig(tuple(self._settings["address"]))
        # The driver alone would take the first access point of that name that it hears.
        strongest, signal = None, -1000
        for name, bssid, _, rssi, _, _ in wlan.scan():
            if name == ssid.encode() and rssi > signal:
                strongest, signal = bssid, rssi
        wlan.connect(ssid, self._password, bssid=strongest)
        return wlan

    def _reason(self) -> str:
        # status() keeps the reason of the last disconnection until there is an address. A wrong
        # password mostly gives STAT_CONNECTING, and STAT_WRONG_PASSWORD often means something
        # else (network_wlan.c of the port); so the two cannot be distinguished here.
        if self._nic.status() == network.STAT_NO_AP_FOUND:
            return "no Wi-Fi of that name in reach"
        return "Wi-Fi refuses this adapter; is the Wi-Fi password right?"

    def rssi(self) -> int | None:
        """Signal strength in dBm, or None."""
        try:
            return int(self._nic.status("rssi")) if self._nic else None
        except OSError:
            return None
