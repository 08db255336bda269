"""dsmr-parser: P1 text by the country specification that reads most of it."""

import logging
import re
from collections.abc import Callable
from decimal import Decimal

from dsmr_parser import telegram_specifications as specifications
from dsmr_parser.exceptions import DecryptionError, ParseError
from dsmr_parser.parsers import TelegramParser

from ..telegrams import Telegrams, Values

NAME = "dsmr-parser"
DISTRIBUTION = "dsmr-parser"
ERRORS = (ParseError, DecryptionError)

_COUNTRIES = (
    "V2_2",
    "V4",
    "V5",
    "BELGIUM_FLUVIUS",
    "LUXEMBOURG_SMARTY",
    "SWEDEN",
    "Q3D",
    "SAGEMCOM_T210_D_R",
    "ISKRA_IE",
    "EON_HUNGARY",
)
_KILO = {"kWh": 1000, "kW": 1000, "kvarh": 1000, "kvar": 1000, "kVAr": 1000, "kVArh": 1000}

logging.getLogger("dsmr_parser").setLevel(logging.CRITICAL)


def reader(telegrams: Telegrams) -> Callable[[bytes], object] | None:
    if telegrams.family != "p1":
        return None
    best: Callable[[bytes], object] | None = None
    most = 0
    for country in _COUNTRIES:
        specification = getattr(specifications, country, None)
        if specification is None:
            continue
        read = _reader(specification, telegrams)
        try:
            found = len(values(read(telegrams.wires[0]), telegrams))
        except Exception:  # noqa: S112 - a country that it is not
            continue
        if found > most:
            best, most = read, found
    return best


def _reader(specification: object, telegrams: Telegrams) -> Callable[[bytes], object]:
    parser = TelegramParser(specification)
    if not telegrams.ciphered:
        return lambda wire: parser.parse(wire.decode("ascii"))
    key = (telegrams.key or b"").hex()
    auth_key = (telegrams.auth_key or b"").hex()
    return lambda wire: parser.parse(wire.hex(), key, auth_key)


_CODE = re.compile(r"(\d+)\\?\.(\d+)\\?\.(\d+)")


def values(result: object, telegrams: Telegrams) -> Values:
    found: Values = {}
    for reference, line in result.items():  # type: ignore[attr-defined]
        code = _CODE.search(reference.split(":")[-1])
        value = getattr(line, "value", None)
        if code and isinstance(value, Decimal) and reference.lstrip("^(").startswith(("1", r"\d")):
            name = ".".join(code.groups())
            found.setdefault(name, value * _KILO.get(line.unit, 1))
    return found
