"""Wi-Fi, Ethernet, and what they lead to: names and NTP."""

import errno
import json
import socket

from chip import STATE, read_file
from chip.clock import set_clock


def air():
    """What is around the board: {"networks": {ssid: password}, "ethernet": bool, "ntp": bool}."""
    return json.loads(read_file(STATE + "/air.json"))


class WLAN:
    IF_STA, IF_AP = 0, 1
    PM_NONE = 0

    def __init__(self, interface=0):
        pass

    _active = False
    _asked = None

    def active(self, on=None):
        if on is not None:
            WLAN._active = bool(on)
            if not on:
                WLAN._asked = None
        return WLAN._active

    def config(self, *names, **settings):
        return None

    def connect(self, ssid, key=None, **options):
        if not WLAN._active:
            raise OSError("Wifi Not Started")
        WLAN._asked = (ssid, key)

    def disconnect(self):
        WLAN._asked = None

    def status(self, what=None):
        if what == "rssi":
            return -58
        if not WLAN._asked:
            return 1000
        networks = air()["networks"]
        ssid, key = WLAN._asked
        if ssid not in networks:
            return 201
        return 1010 if networks[ssid] == (key or "") else 202

    def isconnected(self):
        return WLAN._active and self.status() == 1010

    def ifconfig(self):
        return ("192.0.2.17", "255.255.255.0", "192.0.2.1", "192.0.2.1")


class LAN:
    _active = False

    def __init__(self, id=0, **wiring):
        pass

    def active(self, on=None):
        if on is not None:
            LAN._active = bool(on)
        return LAN._active

    def isconnected(self):
        return LAN._active and air()["ethernet"]

    def ifconfig(self):
        return ("192.0.2.18", "255.255.255.0", "192.0.2.1", "192.0.2.1")


def settime():
    if not (WLAN().isconnected() or LAN().isconnected()) or not air()["ntp"]:
        raise OSError(errno.ETIMEDOUT)
    set_clock(air()["clock"] or 1)  # 0 would be "never set"


_getaddrinfo = socket.getaddrinfo


def getaddrinfo(host, port, *options):
    if not (WLAN().isconnected() or LAN().isconnected()):
        raise OSError(-202)  # lwIP: no way to a name server
    return _getaddrinfo(host, port, *options)
