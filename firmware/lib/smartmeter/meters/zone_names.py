"""Time zones of countries whose meters the core reads, by their names in the IANA database.

For the servers and tools: a device gets the offset and the rule alone (zones.py). A test compares
them with the database.
"""

from .zones import parse

_NAMES = {
    "-01:00 EU": "Atlantic/Azores",
    "+00:00": "Atlantic/Reykjavik",
    "+00:00 EU": "Europe/Lisbon Atlantic/Madeira Atlantic/Canary Atlantic/Faroe Europe/London"
    " Europe/Dublin Europe/Guernsey Europe/Isle_of_Man Europe/Jersey",
    "+01:00 EU": "Europe/Vienna Europe/Berlin Europe/Zurich Europe/Brussels Europe/Amsterdam"
    " Europe/Luxembourg Europe/Paris Europe/Madrid Europe/Rome Europe/Copenhagen Europe/Oslo"
    " Europe/Stockholm Europe/Prague Europe/Bratislava Europe/Budapest Europe/Warsaw"
    " Europe/Ljubljana Europe/Zagreb Europe/Belgrade Europe/Sarajevo Europe/Skopje"
    " Europe/Podgorica Europe/Tirane Europe/Malta Europe/Vaduz Europe/Monaco Europe/Andorra"
    " Europe/San_Marino Europe/Vatican Europe/Gibraltar Europe/Busingen Africa/Ceuta",
    "+02:00 EU": "Europe/Helsinki Europe/Mariehamn Europe/Tallinn Europe/Riga Europe/Vilnius"
    " Europe/Bucharest Europe/Sofia Europe/Athens Europe/Kyiv Asia/Nicosia Asia/Famagusta",
    "+02:00 IL": "Asia/Jerusalem",
    "+03:00": "Europe/Istanbul",
}


def names() -> "list[str]":
    return sorted([name for known in _NAMES.values() for name in known.split()])


def setting(text: str) -> str:
    """The zone as zones.parse takes it, of a name or such a text; ValueError if it is neither."""
    for offset, known in _NAMES.items():
        if text in known.split():
            return offset
    try:
        parse(text)
    except ValueError:
        raise ValueError(
            "a zone is a name such as Europe/Vilnius, or an offset such as +02:00 (standard time"
            " all year), +02:00 EU or +02:00 IL (daylight saving as there); %s is not known" % text
        )
    return text
