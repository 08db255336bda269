"""The rules for settings: checked by tools.provision before it writes, and by the board."""

from smartmeter import ALLOWED
from smartmeter.links import LINKS
from smartmeter.reading import RATIO_MAX
from smartmeter.wire import topics

from .line_setting import AUTO, parse

TYPE_CHECKING = False  # what follows is for mypy; a device has no typing
if TYPE_CHECKING:
    from collections.abc import Callable

    Check = Callable[[object], object]

AMIS = "amis"
SIGN_ON = "iec62056"
POLL = "mbus"
READING, RAW, CIPHERED = topics.READING, topics.RAW, topics.CIPHERED

_NEEDED = object()


def _text(maximum: int) -> "Check":
    def check(value: object) -> object:
        if not isinstance(value, str) or not 0 < len(value) <= maximum:
            raise ValueError("is text of 1 to %d characters" % maximum)
        return value

    return check


def _whole(least: int, most: int) -> "Check":
    def check(value: object) -> object:
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            raise ValueError("is a whole number from %d to %d" % (least, most))
        return value

    return check


def _choice(*allowed: str) -> "Check":
    def check(value: object) -> object:
        if value not in allowed:
            raise ValueError("is one of " + ", ".join(allowed))
        return value

    return check


def _some(*allowed: str) -> "Check":
    def check(value: object) -> object:
        if not isinstance(value, list) or not value or [v for v in value if v not in allowed]:
            raise ValueError("is a list of one or more of " + ", ".join(allowed))
        return value

    return check


def _switch(value: object) -> object:
    if value is not True and value is not False:
        raise ValueError("is true or false")
    return value


def _line(value: object) -> object:
    if value != AUTO:
        parse(value)
    return value


def _ssid(value: object) -> object:
    if not isinstance(value, str) or not 0 < len(value.encode()) <= 32:
        raise ValueError("is text of 1 to 32 bytes in UTF-8")  # the driver would cut it
    return value


def _id(value: object) -> object:
    if not isinstance(value, str) or not topics.is_id(value):
        raise ValueError("is 1 to 64 of A-Z a-z 0-9 . _ -")
    return value


def _codes(value: object) -> object:
    if not isinstance(value, list) or not 0 < len(value) <= 64:
        raise ValueError("is a list of 1 to 64 OBIS codes")
    # only for who asks for them: their names stay in the heap
    from smartmeter.obis import key_of
    from smartmeter.texts import is_code

    codes: "list[str]" = []
    for text in value:
        if not is_code(text):
            raise ValueError('is a list of OBIS codes such as "1.8.0" or "0-2:24.2.1"')
        code = key_of(text)  # 1-0:1.8.0 is 1.8.0
        if code not in codes:
            codes.append(code)
    return codes


def _address(value: object) -> object:
    says = "is four addresses: its own, the mask, the router's, the name server's"
    if not isinstance(value, list) or len(value) != 4:
        raise ValueError(says)
    for text in value:
        parts = text.split(".") if isinstance(text, str) else []
        if len(parts) != 4 or [p for p in parts if not p.isdigit() or int(p) > 255]:
            raise ValueError(says)
    return value


def _zone(value: object) -> object:
    if not isinstance(value, str):
        raise ValueError("is text such as +02:00 EU")
    from smartmeter.meters import zones

    try:
        zones.parse(value)
    except ValueError as why:
        raise ValueError("does not name a zone: %s" % why)
    return value


_pin = _whole(0, 48)

# section -> name -> (check, default)
_SECTIONS: "dict[str, dict[str, tuple[Check, object]]]" = {
    "meter": {
        "id": (_id, _NEEDED),
        "line": (_line, AUTO),
        "rx": (_pin, None),
        "tx": (_pin, None),
        "led": (_pin, None),
        "answer": (_choice(AMIS, SIGN_ON, POLL), None),
        "address": (_text(32), None),
        "link": (_choice(*LINKS), None),
        "profile": (_text(64), None),
        "zone": (_zone, None),
        "unencrypted": (_switch, False),
        "ratio": (_whole(1, RATIO_MAX), 1),
    },
    "wifi": {
        "ssid": (_ssid, _NEEDED),
        "address": (_address, None),
        "power_saving": (_switch, False),
    },
    "ethernet": {
        "phy": (_choice("LAN8720", "IP101", "RTL8201", "DP83848", "KSZ8041"), "LAN8720"),
        "phy_addr": (_whole(0, 31), 0),
        "mdc": (_pin, 23),
        "mdio": (_pin, 18),
        "power": (_pin, None),
        "ref_clk": (_pin, 17),
        "ref_clk_out": (_switch, True),
        "address": (_address, None),
    },
    "broker": {
        "host": (_text(253), _NEEDED),
        "port": (_whole(1, 65535), 8883),
        "user": (_text(128), None),
        "tls": (_switch, True),
    },
    "publish": {
        "values": (_codes, list(ALLOWED)),
        "what": (_some(READING, RAW, CIPHERED), [READING]),
        "interval": (_whole(0, 3600), 0),
        "deadband": (_whole(0, 100_000), 0),
        "concentrator": (_id, None),
    },
    "time": {"ntp": (_text(253), "pool.ntp.org")},
}
_ALWAYS = ("meter", "broker", "publish", "time")


def check(document: object) -> "dict[str, dict[str, object]]":
    """document with defaults filled in; ValueError with one sentence if it is not valid."""
    if not isinstance(document, dict):
        raise ValueError("the settings are a table of sections")
    for section in document:
        if section not in _SECTIONS:
            raise ValueError("there is no section %s in the settings" % section)
    if ("wifi" in document) == ("ethernet" in document):
        raise ValueError("the settings have either a section wifi or a section ethernet")
    checked = {}
    for section, fields in _SECTIONS.items():
        if section in document or section in _ALWAYS:
            checked[section] = _check_section(section, fields, document.get(section, {}))
    meter = checked["meter"]
    # Without a tx the port sends on GPIO10, which on some boards is a pin of the flash.
    if meter["rx"] is None or meter["tx"] is None:
        raise ValueError("meter.rx and meter.tx are missing: name the board, or both pins")
    if meter["rx"] == meter["tx"]:
        raise ValueError("meter.rx and meter.tx are the same pin")
    if meter["led"] in (meter["rx"], meter["tx"]):
        raise ValueError("meter.led is a pin of the meter's port")
    return checked


def _check_section(
    section: str, fields: "dict[str, tuple[Check, object]]", given: object
) -> "dict[str, object]":
    if not isinstance(given, dict):
        raise ValueError("%s is a section of settings" % section)
    for name in given:
        if name not in fields:
            raise ValueError("there is no setting %s.%s" % (section, name))
    checked = {}
    for name, (test, default) in fields.items():
        value = given.get(name)
        if value is None:
            if default is _NEEDED:
                raise ValueError("%s.%s is missing" % (section, name))
            value = default
        else:
            try:
                value = test(value)
            except ValueError as why:
                raise ValueError("%s.%s %s" % (section, name, why))
        checked[name] = value
    return checked
