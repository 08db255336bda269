"""A reading as the JSON that travels, with the time and number that it has to have there."""

from ..obis import key_of
from ..reading import ALLOWED, ELECTRICITY, decimal

TYPE_CHECKING = False  # what follows is for mypy; a device has no typing
if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..reading import Reading


def stamp(reading: "Reading", time: str, seq: int) -> None:
    """Fills in what the telegram did not give: time (RFC 3339 text) and seq (int >= 0)."""
    if reading.time is None:
        from ..texts import is_time  # most telegrams tell theirs

        if not is_time(time):
            raise ValueError("a reading is stamped with an RFC 3339 time")
        reading.time = time
        reading.clock = "adapter"
    if reading.seq is None:
        reading.seq = seq


def to_json(reading: "Reading", only: "Iterable[str] | None" = None) -> str:
    """The JSON of a reading; only: the codes to include, by default ALLOWED.

    "" if the reading has none of them. Texts are included as well, such as P1's message 96.13.0.
    A code is "C.D.E", or "A-B:C.D.E" as in the main meter's reading.values: "0-2:24.2.1" is the
    sub-meter on channel 2, and "24.2.1" the one on channel 1.
    """
    if only is None:
        only = ALLOWED
    names = included(reading, only)
    if not names:
        return ""
    values = reading.values
    more = _texts(reading, only) if only is not ALLOWED and reading.texts else ""
    if reading.channel or reading.medium != ELECTRICITY:
        units = ['"%s":"%s"' % (c, reading.units[c]) for c in names]
        more += ',"medium":"%s","units":{%s}' % (reading.medium, ",".join(units))
    return '{"time":%s,"clock":%s,"seq":%s,"auth":"%s"%s,"values":{%s}%s}' % (
        _quoted(reading.time),
        _quoted(reading.clock),
        "null" if reading.seq is None else reading.seq,
        reading.auth,
        ',"ratio":%d' % reading.ratio if reading.ratio != 1 else "",
        ",".join(['"%s":%s' % (c, decimal(values[c])) for c in names]),
        more,
    )


def included(reading: "Reading", only: "Iterable[str]") -> "list[str]":
    """Those keys of reading.values that the codes in `only` name.

    What comes in readings of its own is not in the main meter's as well. "24.2.1" is there, as
    before readings of sub-meters.
    """
    if not reading.channel:
        elsewhere: "list[str]" = []
        for submeter in reading.submeters or ():
            elsewhere += submeter.codes.values()
        return [c for c in only if c in reading.values and c not in elsewhere]
    return [c for c in reading.values if key_of(reading.codes[c]) in only]


def _texts(reading: "Reading", only: "Iterable[str]") -> str:
    """The member "texts" for those of the codes that have a text, "" for none."""
    from json import dumps

    found = {}
    for name in only:
        for code in (name, "0-0:" + name, "1-0:" + name):
            if code in reading.texts:
                found[name] = reading.texts[code]
    return ',"texts":' + dumps(found) if found else ""


def _quoted(text: str | None) -> str:
    return '"%s"' % text if text else "null"
