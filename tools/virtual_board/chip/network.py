"""Wi-Fi, Ethernet, and what they lead to: names and NTP.

Behaviour of the ESP32 port's network_wlan.c and network_lan.c, 1.24 to 1.29; README.md has the
table. The driver works on its own clock, so each question first lets it catch up.
"""

import errno
import json
import socket
import time

from chip import STATE, read_file
from chip.clock import set_clock, ticks_ms

# Reasons of ESP-IDF (esp_wifi_types_generic.h, wifi_err_reason_t) and states of the port.
_ASSOC_LEAVE = 8
_HANDSHAKE_TIMEOUT = 15  # what a wrong WPA2 password mostly gives
_BEACON_TIMEOUT = 200
_NO_AP_FOUND = 201
_AUTH_FAIL = 202
_CONNECTION_FAIL = 205
_IDLE, _CONNECTING, _GOT_IP = 1000, 1001, 1010
_ATTEMPT_MS = 500  # an association and DHCP; a chip takes 1 to 3 s

_name = "mpy-esp32"


def air():
    """What is around the board; launcher.py (air) says what it may hold."""
    return json.loads(read_file(STATE + "/air.json"))


def hostname(name=None):
    global _name
    if name is None:
        return _name
    if len(name) > 32:
        raise ValueError
    _name = name


def _refuse_if_broken(around):
    if around["driver"]:
        raise OSError(around["driver"])


class _Interface:
    """The address that an interface has. The port keeps one object of each kind, so its state
    is kept in the class."""

    address = ("0.0.0.0", "0.0.0.0", "0.0.0.0", "0.0.0.0")
    fixed = False
    connected = False
    lease = None  # the number of the router's lease; the port never hears that one was lost


def _get_address(kind, around):
    if not kind.fixed:
        if not around["dhcp"]:
            return
        kind.address = kind.dhcp
    kind.lease = around["lease"]
    kind.connected = True


def _ifconfig(kind, address):
    if address is None:
        return kind.address
    kind.address, kind.fixed = address, True


def _leads_somewhere():
    around = air()
    _wlan_works()
    _lan_works()
    for kind in (WLAN, LAN):
        if kind.connected and (kind.fixed or kind.lease == around["lease"]):
            return True
    return False


class WLAN(_Interface):
    IF_STA, IF_AP = 0, 1
    PM_NONE, PM_PERFORMANCE = 0, 1
    dhcp = ("192.0.2.17", "255.255.255.0", "192.0.2.1", "192.0.2.1")

    up = False
    asked = None  # what connect() was given, while the driver is to keep it up
    reason = 0  # of the last disconnection; only an address clears it
    begun = 0
    pm = PM_PERFORMANCE

    def __init__(self, interface=0):
        _refuse_if_broken(air())

    def active(self, on=None):
        if on is not None:
            _refuse_if_broken(air())
            if WLAN.connected and not on:
                WLAN.reason = _ASSOC_LEAVE
                WLAN.connected = False
            WLAN.up = bool(on)
        return WLAN.up

    def config(self, *names, **settings):
        if "pm" in settings:
            WLAN.pm = settings["pm"]

    def connect(self, ssid, key=None, *, bssid=None):
        if not WLAN.up:
            raise OSError("Wifi Not Started")
        _refuse_if_broken(air())
        if bssid is not None and len(bssid) != 6:
            raise ValueError
        WLAN.asked = (ssid, key, bssid)
        WLAN.connected = False
        WLAN.begun = ticks_ms()
        at = "any" if bssid is None else bssid.hex(":")
        print("board: Wi-Fi %s at %s as %s, pm %d" % (ssid, at, _name, WLAN.pm))

    def disconnect(self):
        WLAN.asked = None
        WLAN.connected = False
        WLAN.reason = _ASSOC_LEAVE

    def scan(self):
        if not WLAN.up:
            raise OSError("STA must be active")
        return [
            (ssid.encode(), bytes(bssid), channel, rssi, 3, False)
            for ssid, bssid, channel, rssi in _access_points(air())
        ]

    def status(self, what=None):
        _wlan_works()
        if what == "rssi":
            if not WLAN.connected:
                raise OSError("Wifi Not Connected")
            return -58
        if WLAN.connected:
            return _GOT_IP
        if WLAN.reason == _NO_AP_FOUND:
            return _NO_AP_FOUND
        if WLAN.reason in (_AUTH_FAIL, _CONNECTION_FAIL):
            return _AUTH_FAIL
        if WLAN.reason == _ASSOC_LEAVE:
            return _IDLE
        return _CONNECTING if WLAN.asked else WLAN.reason or _IDLE

    def isconnected(self):
        _wlan_works()
        return WLAN.connected

    def ifconfig(self, address=None):
        return _ifconfig(WLAN, address)


def _wlan_works():
    """The driver's progress since: it retries forever, and keeps the last reason."""
    if not WLAN.up or not WLAN.asked:
        return
    around = air()
    ssid, key, bssid = WLAN.asked
    points = [p for p in _access_points(around) if p[0] == ssid]
    if bssid is not None:
        points = [p for p in points if bytes(p[1]) == bytes(bssid)]
    if WLAN.connected:
        if not points:
            WLAN.connected = False
            WLAN.reason = _BEACON_TIMEOUT
            WLAN.begun = ticks_ms()
        return
    if time.ticks_diff(ticks_ms(), WLAN.begun) < _ATTEMPT_MS:
        return
    WLAN.begun = ticks_ms()
    if not points:
        WLAN.reason = _NO_AP_FOUND
    elif around["refuses"]:
        WLAN.reason = around["refuses"]
    elif around["networks"][ssid] != (key or ""):
        WLAN.reason = _HANDSHAKE_TIMEOUT
    else:
        _get_address(WLAN, around)
        if WLAN.connected:
            WLAN.reason = 0


def _access_points(around):
    """(ssid, bssid, channel, rssi): those that the test names, or one for each network."""
    if around["points"]:
        return around["points"]
    return [(ssid, (2, 0, 0x5E, 0, 1, 1), 6, -58) for ssid in around["networks"]]


class LAN(_Interface):
    dhcp = ("192.0.2.18", "255.255.255.0", "192.0.2.1", "192.0.2.1")
    up = False

    def __init__(self, id=0, **wiring):
        _refuse_if_broken(air())

    def active(self, on=None):
        if on is not None:
            LAN.up = bool(on)
            if not on:
                LAN.connected = False
        return LAN.up

    def isconnected(self):
        _lan_works()
        return LAN.connected

    def ifconfig(self, address=None):
        return _ifconfig(LAN, address)


def _lan_works():
    around = air()
    if not LAN.up or not around["ethernet"]:
        LAN.connected = False
    elif not LAN.connected:
        _get_address(LAN, around)


def settime():
    """ntptime's: its host's name, or an address of the network around."""
    from sys import modules

    around = air()
    answers = around["ntp"]
    host = modules["ntptime"].host
    if not _leads_somewhere() or not (host in answers if isinstance(answers, list) else answers):
        raise OSError(errno.ETIMEDOUT)
    set_clock(around["clock"] or 1)  # 0 would be "never set"


_getaddrinfo = socket.getaddrinfo


def getaddrinfo(host, port, *options):
    if air()["sockets"]:
        raise OSError(air()["sockets"])
    if not _leads_somewhere() or not air()["names"]:
        raise OSError(-202)  # lwIP: no way to a name server
    if host.endswith(".local") and not WLAN.connected:
        raise OSError(-259)  # ESP_ERR_INVALID_STATE: only Wi-Fi starts mDNS, until 1.28
    return _getaddrinfo(host, port, *options)
